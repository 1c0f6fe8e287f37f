// Areas from maps; pages from pagemap, as in state.c, but only anonymous ones.

#include "space.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "known-files.h"
#include "maps.h"
#include "pages.h"

#define AREAS_MAX 65536

static struct area areas[AREAS_MAX];

void space_open(void) {
  pages_open();
}

/** -1 where it is no file's. */
static int file_of(pid_t pid, const struct line *line) {
  if (line->path[0] != '/' || strcmp(line->path, SHARED_ANONYMOUS) == 0) return -1;
  char link[128];
  snprintf(link, sizeof link, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid, line->area.start,
           line->area.end);
  return known_file(link, line->path);
}

/** Introduces the files that are mapped, before the line that names them. */
static void introduce(pid_t pid) {
  char text[PATH_MAX + 128];
  FILE *maps = open_maps(pid);
  while (fgets(text, sizeof text, maps) != NULL) {
    struct line line = parse_line(text);
    file_of(pid, &line);
  }
  fclose(maps);
}

static void print_named(pid_t pid, const struct line *line) {
  int file = file_of(pid, line);
  if (file >= 0) printf("f%d\"]", file);
  else if (strcmp(line->path, SHARED_ANONYMOUS) == 0) printf("shm\"]");
  else printf("%s\"]", line->path);
}

/** Prints them and keeps where they are; the end of the heap, where there is one, to `heap`. */
static int print_areas(pid_t pid, bool prints, uint64_t *heap) {
  char text[PATH_MAX + 128];
  FILE *maps = open_maps(pid);
  int count = 0;
  while (fgets(text, sizeof text, maps) != NULL) {
    struct line line = parse_line(text);
    if (strcmp(line.path, "[heap]") == 0) *heap = line.area.end;
    if (count == AREAS_MAX) fail(EXIT_REFUSED, "more than %d areas", AREAS_MAX);
    areas[count] = line.area;
    if (prints) {
      print_area(&line, count > 0 ? "," : "");
      print_named(pid, &line);
    }
    count++;
  }
  fclose(maps);
  return count;
}

void space_print(pid_t pid, int proc, bool begins) {
  introduce(pid);
  uint64_t heap = start_of_heap(pid);
  uint64_t start = heap;
  print_areas(pid, false, &heap);
  printf("{\"op\":\"%s\",\"proc\":%d,", begins ? "start" : "state", proc);
  if (begins) printf("\"brk\":[\"%" PRIx64 "\",\"%" PRIx64 "\"],", start, heap);
  printf("\"maps\":[");
  int count = print_areas(pid, true, &heap);
  printf("],\"pages\":{");
  pages_begin();
  print_pages(pid, areas, count, true);
  printf("}}\n");
}
