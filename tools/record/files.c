// The files that a recording maps, made without a name that could be left over.

#include "files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "call.h"
#include "fail.h"

/** Where the kernel aligns mappings of a file on the disk, it must be a large one. */
#define LARGE_BYTES 0x800000UL

uint64_t files_bytes(const struct profile *profile, int file) {
  static const uint64_t BYTES[FILES] = {40 * PAGE_BYTES, 30 * PAGE_BYTES + 100, 16 * PAGE_BYTES};
  return profile->is_placed && file == FILES - 1 ? LARGE_BYTES : BYTES[file];
}

static bool is_on_disk(const struct profile *profile, int file) {
  if (profile->is_placed && file == FILES - 1) return true;
  return file == DISK_FILE && !profile->is_in_memory;
}

static const char *temporary_folder(void) {
  const char *folder = getenv("TMPDIR");
  return folder != NULL && folder[0] != '\0' ? folder : "/var/tmp";
}

/** A file system in memory would make it a second memfd, and noexec would refuse PROT_EXEC. */
static void expect_disk(const char *folder) {
  struct statfs system;
  struct statvfs mount;
  if (statfs(folder, &system) != 0 || statvfs(folder, &mount) != 0) fail_call(folder);
  if (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC) {
    fail(EXIT_REFUSED, "%s is in memory; set TMPDIR to a folder on a disk", folder);
  }
  if (mount.f_flag & ST_NOEXEC) {
    fail(EXIT_REFUSED, "%s is mounted noexec; set TMPDIR to a folder that is not", folder);
  }
}

/** Opens a file in a folder of its own and takes both names away. */
static int open_on_disk(const char *name) {
  char folder[PATH_MAX];
  char path[PATH_MAX + 16];
  const char *parent = temporary_folder();
  expect_disk(parent);
  int length = snprintf(folder, sizeof folder, "%s/pagebell-XXXXXX", parent);
  if (length >= (int)sizeof folder) fail(EXIT_REFUSED, "TMPDIR is too long");
  if (mkdtemp(folder) == NULL) fail_call(folder);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) unlink(path);
  rmdir(folder);
  if (fd < 0) fail_call(path);
  return fd;
}

static void fill_with_zeros(int fd, uint64_t bytes) {
  static const char zeros[PAGE_BYTES];
  for (uint64_t off = 0; off < bytes; off += PAGE_BYTES) {
    uint64_t left = bytes - off;
    uint64_t now = left < PAGE_BYTES ? left : PAGE_BYTES;
    if (pwrite(fd, zeros, now, (off_t)off) != (ssize_t)now) fail_call("writing a file");
  }
  // Written back now, and not at some moment of the recording.
  if (fsync(fd) != 0) fail_call("fsync");
}

static void open_one(struct file *file, int index, const struct profile *profile) {
  char name[16];
  snprintf(name, sizeof name, "f%d", index);
  file->is_on_disk = is_on_disk(profile, index);
  file->fd = file->is_on_disk ? open_on_disk(name) : memfd_create(name, MFD_CLOEXEC);
  if (file->fd < 0) fail_call("memfd_create");
  fill_with_zeros(file->fd, files_bytes(profile, index));
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file->fd);
  ssize_t length = readlink(link, file->path, sizeof file->path - 1);
  if (length < 0) fail_call(link);
  file->path[length] = '\0';
}

void files_open(struct file files[FILES], const struct profile *profile) {
  for (int i = 0; i < FILES; i++) open_one(&files[i], i, profile);
}

int files_index(const struct file files[FILES], const char *path) {
  for (int i = 0; i < FILES; i++) {
    if (strcmp(files[i].path, path) == 0) return i;
  }
  return -1;
}
