// A list that is searched from its end: what is mapped next was mapped lately.

#include "known-files.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "escape.h"
#include "fail.h"

#define KNOWN_MAX 4096

static struct {
  dev_t device;
  ino_t inode;
} known[KNOWN_MAX];

static int count;

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

int known_file(const char *path, const char *name) {
  struct stat status;
  if (stat(path, &status) != 0) return -1;
  for (int i = count - 1; i >= 0; i--) {
    if (known[i].device == status.st_dev && known[i].inode == status.st_ino) return i;
  }
  if (count == KNOWN_MAX) fail(EXIT_REFUSED, "the program maps more than %d files", KNOWN_MAX);
  known[count].device = status.st_dev;
  known[count].inode = status.st_ino;
  printf("{\"op\":\"file\",\"file\":%d,\"path\":", count);
  print_text(base_name(name));
  printf(",\"size\":%" PRIu64 "}\n", (uint64_t)status.st_size);
  return count++;
}
