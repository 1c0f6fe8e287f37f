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
  off_t size;
} known[KNOWN_MAX];

static int count;

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

static int find(const struct stat *status) {
  for (int i = count - 1; i >= 0; i--) {
    if (known[i].device == status->st_dev && known[i].inode == status->st_ino) return i;
  }
  return -1;
}

int mapped_file(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 ? find(&status) : -1;
}

void known_file_resize(int file, const char *path, int proc) {
  struct stat status;
  if (file < 0 || stat(path, &status) != 0 || known[file].size == status.st_size) return;
  known[file].size = status.st_size;
  printf("{\"op\":\"ftruncate\",\"proc\":%d,\"file\":%d,\"size\":%" PRIu64
         ",\"ret\":0,\"notified\":[]}\n",
         proc, file, (uint64_t)status.st_size);
}

int known_file(const char *path, const char *name) {
  struct stat status;
  if (stat(path, &status) != 0) return -1;
  int file = find(&status);
  if (file >= 0) return file;
  if (count == KNOWN_MAX) fail(EXIT_REFUSED, "the program maps more than %d files", KNOWN_MAX);
  known[count].device = status.st_dev;
  known[count].inode = status.st_ino;
  known[count].size = status.st_size;
  printf("{\"op\":\"file\",\"file\":%d,\"path\":", count);
  print_text(base_name(name));
  printf(",\"size\":%" PRIu64 "}\n", (uint64_t)status.st_size);
  return count++;
}
