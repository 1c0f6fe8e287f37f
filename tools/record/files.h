// The files that a recording maps: two in memory, one on the disk.
//
// Invariants
//   1  Every byte was written with zero, so every page is in the page cache.
//   2  None of them has a name in any folder: whatever happens, nothing is left over.

#ifndef RECORD_FILES_H
#define RECORD_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define FILES 3

/** Bytes of each. One does not end at a page's end. */
extern const uint64_t FILE_BYTES[FILES];

struct file {
  int fd;
  bool is_on_disk;
  /** As /proc/PID/maps has it. */
  char path[PATH_MAX];
};

/** Makes them. The one on the disk is in TMPDIR, or else in /var/tmp. */
void files_open(struct file files[FILES]);

/** Index of the file with this path, or -1. */
int files_index(const struct file files[FILES], const char *path);

#endif
