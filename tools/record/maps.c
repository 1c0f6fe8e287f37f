// The text of maps and stat, whose fields proc(5) describes.

#include "maps.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

FILE *open_maps(pid_t pid) {
  char name[64];
  snprintf(name, sizeof name, "/proc/%d/maps", pid);
  FILE *maps = fopen(name, "re");
  if (maps == NULL) fail_call(name);
  return maps;
}

struct line parse_line(char *text) {
  struct line line;
  int path = 0;
  const char *format = "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*u %n";
  text[strcspn(text, "\n")] = '\0';
  int fields = sscanf(text, format, &line.area.start, &line.area.end, line.rights, &line.offset,
                      &path);
  if (fields != 4) fail(EXIT_REFUSED, "maps has a line that is not understood: %s", text);
  line.path = text + path;
  return line;
}

void print_area(const struct line *line, const char *separator) {
  printf("%s[\"%" PRIx64 "\",\"%" PRIx64 "\",\"%s\",\"%" PRIx64 "\",\"", separator,
         line->area.start, line->area.end, line->rights, line->offset);
}

/** Field 47 of /proc/PID/stat, behind a name in parentheses that may have any character. */
uint64_t start_of_heap(pid_t pid) {
  char name[64];
  char text[4096];
  snprintf(name, sizeof name, "/proc/%d/stat", pid);
  FILE *stat = fopen(name, "re");
  if (stat == NULL) fail_call(name);
  size_t length = fread(text, 1, sizeof text - 1, stat);
  fclose(stat);
  text[length] = '\0';
  char *at = strrchr(text, ')');
  for (int field = 2; at != NULL && field < 47; field++) at = strchr(at + 1, ' ');
  if (at == NULL) fail(EXIT_REFUSED, "%s is not understood", name);
  return strtoull(at, NULL, 10);
}
