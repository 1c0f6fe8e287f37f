#define _GNU_SOURCE
#include "process.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "harness.h"

enum { WORDS = PAGE / sizeof(uint32_t), READ = 1, WRITE = 2, EXECUTE = 4 };

static int open_proc(pid_t pid, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
  int file = open(path, O_RDONLY);
  must(file >= 0, path);
  return file;
}

static void add_page(pid_t pid, uintptr_t address) {
  uint32_t words[WORDS];
  struct iovec to = {words, PAGE}, from = {(void *)address, PAGE};
  must(process_vm_readv(pid, &to, 1, &from, 1, 0) == (ssize_t)PAGE, "process_vm_readv");
  for (int i = 0; i < WORDS; i++) add(words[i]);
}

static void add_present(pid_t pid, int pagemap, uintptr_t from, uintptr_t to, uintptr_t start,
                        int is_readable) {
  for (uintptr_t at = from; at < to; at += PAGE) {
    uint64_t entry = 0;
    must(pread(pagemap, &entry, sizeof entry, (off_t)(at / PAGE * sizeof entry)) == sizeof entry,
         "pagemap");
    if (entry >> 63 == 0) continue;
    add((at - start) / PAGE);
    if (is_readable) add_page(pid, at);
  }
}

static void add_areas(pid_t pid, char *region, long pages, int with_shared) {
  uintptr_t start = (uintptr_t)region, end = start + (uintptr_t)pages * PAGE;
  int pagemap = open_proc(pid, "pagemap");
  FILE *maps = fdopen(open_proc(pid, "maps"), "r");
  unsigned long from, to;
  char r, w, x, p, line[512];
  while (fgets(line, sizeof line, maps)) {
    if (sscanf(line, "%lx-%lx %c%c%c%c", &from, &to, &r, &w, &x, &p) != 6) continue;
    if (to <= start || from >= end) continue;
    if (from < start) from = start;
    if (to > end) to = end;
    add((from - start) / PAGE);
    add((to - start) / PAGE);
    add((r == 'r' ? READ : 0) | (w == 'w' ? WRITE : 0) | (x == 'x' ? EXECUTE : 0));
    if (p == 'p' || with_shared) add_present(pid, pagemap, from, to, start, r == 'r');
  }
  fclose(maps);
  close(pagemap);
}

void add_region(pid_t pid, char *start, long pages) { add_areas(pid, start, pages, 1); }

void add_private(pid_t pid, char *start, long pages) { add_areas(pid, start, pages, 0); }
