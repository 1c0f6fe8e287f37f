// The files that a recording maps: in memory, and one or two on the disk.
//
// Invariants
//   1  Every byte was written with zero, so every page is in the page cache.
//   2  None of them has a name in any folder: whatever happens, nothing is left over.

#ifndef RECORD_FILES_H
#define RECORD_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"

#define FILES 3

/** Which of them is on the disk, where there is one. */
#define DISK_FILE 1

/** Bytes of each, at the beginning. */
uint64_t files_bytes(const struct profile *profile, int file);

struct file {
  int fd;
  bool is_on_disk;
  /** As /proc/PID/maps has it. */
  char path[PATH_MAX];
};

/** Makes them. Those on the disk are in TMPDIR, or else in /var/tmp. */
void files_open(struct file files[FILES], const struct profile *profile);

/** Index of the file with this path, or -1. */
int files_index(const struct file files[FILES], const char *path);

#endif
