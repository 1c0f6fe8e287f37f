// pagemap, kpagecount and kpageflags.

#include "pages.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "call.h"
#include "fail.h"
#include "frames.h"

// An entry of pagemap, one u64 a page, as Documentation/admin-guide/mm/pagemap.rst has it.
//
//   63 62 61 60       57 56 55 54                                   0
//  ┌──┬──┬──┬───────────┬──┬──┬──────────────────────────────────────┐
//  │P │S │F │           │X │  │                 pfn                  │
//  └──┴──┴──┴───────────┴──┴──┴──────────────────────────────────────┘
//   P present     S swapped     F of a file or shared anonymous     X mapped exactly once
#define PM_PRESENT (1ULL << 63)
#define PM_SWAPPED (1ULL << 62)
#define PM_FILE (1ULL << 61)
#define PM_EXCLUSIVE (1ULL << 56)
#define PM_PFN ((1ULL << 55) - 1)

/** Bits of /proc/kpageflags: a part of a huge page, the zero page. */
#define KPF_HUGE (1ULL << 17)
#define KPF_ZERO_PAGE (1ULL << 24)

/** Pages that are looked at together. */
#define ENTRIES 512

struct view {
  /** pagemap of one process. */
  int fd;
  bool skips_files;
};

static int counts_fd, flags_fd;

static int open_for_root(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(EXIT_REFUSED, "%s cannot be read; it needs root: %m", path);
  return fd;
}

static uint64_t entry_of(int fd, uint64_t index, const char *what) {
  uint64_t entry = 0;
  ssize_t count = pread(fd, &entry, sizeof entry, (off_t)(index * sizeof entry));
  if (count != (ssize_t)sizeof entry) fail_call(what);
  return entry;
}

/** Without the right to see them, the kernel shows every frame as number 0. */
static void expect_frame_numbers(void) {
  int fd = open_for_root("/proc/self/pagemap");
  volatile char here = 1;
  uint64_t entry = entry_of(fd, (uintptr_t)&here / PAGE_BYTES, "/proc/self/pagemap");
  if ((entry & PM_PFN) == 0) {
    fail(EXIT_REFUSED, "/proc/self/pagemap hides frame numbers; it needs CAP_SYS_ADMIN");
  }
  close(fd);
}

void pages_open(void) {
  counts_fd = open_for_root("/proc/kpagecount");
  flags_fd = open_for_root("/proc/kpageflags");
  expect_frame_numbers();
}

void pages_begin(void) {
  frames_clear();
}

static void print_page(uint64_t address, uint64_t entry, uint64_t flags) {
  if (entry & PM_SWAPPED) {
    printf("\"%" PRIx64 "\":[\"S\"]", address);
    return;
  }
  if (flags & KPF_ZERO_PAGE) {
    printf("\"%" PRIx64 "\":[\"Z\"]", address);
    return;
  }
  uint64_t pfn = entry & PM_PFN;
  uint64_t mapcount = entry_of(counts_fd, pfn, "/proc/kpagecount");
  printf("\"%" PRIx64 "\":[\"P%s%s%s\",%" PRIu32 ",%" PRIu64 "]", address,
         entry & PM_FILE ? "F" : "", entry & PM_EXCLUSIVE ? "X" : "", flags & KPF_HUGE ? "H" : "",
         frame_number(pfn), mapcount);
}

/** 0 for a page that is swapped out. */
static uint64_t flags_of(uint64_t entry) {
  if (!(entry & PM_PRESENT)) return 0;
  return entry_of(flags_fd, entry & PM_PFN, "/proc/kpageflags");
}

/** A huge page is shown once, at its beginning. */
static bool is_shown(uint64_t address, uint64_t flags) {
  return !(flags & KPF_HUGE) || address % HUGE_BYTES == 0;
}

/** At most ENTRIES pages of an area, read at once. */
static void print_some_pages(const struct view *view, uint64_t start, uint64_t count,
                             bool *is_first) {
  uint64_t entries[ENTRIES];
  ssize_t bytes = (ssize_t)(count * sizeof *entries);
  off_t at = (off_t)(start / PAGE_BYTES * sizeof *entries);
  if (pread(view->fd, entries, (size_t)bytes, at) != bytes) fail_call("pagemap");
  for (uint64_t i = 0; i < count; i++) {
    if (!(entries[i] & (PM_PRESENT | PM_SWAPPED))) continue;
    if (view->skips_files && entries[i] & PM_FILE) continue;
    uint64_t address = start + i * PAGE_BYTES;
    uint64_t flags = flags_of(entries[i]);
    if (!is_shown(address, flags)) continue;
    if (!*is_first) putchar(',');
    *is_first = false;
    print_page(address, entries[i], flags);
  }
}

void print_pages(pid_t pid, const struct area *areas, int area_count, bool skips_files) {
  char name[64];
  snprintf(name, sizeof name, "/proc/%d/pagemap", pid);
  struct view view = {.fd = open_for_root(name), .skips_files = skips_files};
  bool is_first = true;
  // [vsyscall] lies above all that a process has tables for.
  for (int i = 0; i < area_count && areas[i].start < USER_END; i++) {
    for (uint64_t at = areas[i].start; at < areas[i].end; at += ENTRIES * PAGE_BYTES) {
      uint64_t left = (areas[i].end - at) / PAGE_BYTES;
      print_some_pages(&view, at, left < ENTRIES ? left : ENTRIES, &is_first);
    }
  }
  close(view.fd);
}
