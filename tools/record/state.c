// The truth to compare with, read from /proc/PID/maps, pagemap, kpagecount and kpageflags.
//
// Invariants
//   1  No worker runs while a state is read: every one waits for its next call.
//   2  Only the arena is looked at.

#include "state.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

/** Bit of /proc/kpageflags that the zero page has. */
#define KPF_ZERO_PAGE (1ULL << 24)

#define SHARED_ANONYMOUS "/dev/zero (deleted)"
#define AREAS_MAX 65536

struct area {
  uint64_t start, end;
};

static struct area areas[AREAS_MAX];
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

static void expect_free_arena(void) {
  size_t bytes = ARENA_END - ARENA_START;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE;
  void *got = mmap((void *)ARENA_START, bytes, PROT_NONE, flags, -1, 0);
  if (got != (void *)ARENA_START) fail(EXIT_REFUSED, "the arena is in use in this process: %m");
  munmap(got, bytes);
}

void state_open(void) {
  counts_fd = open_for_root("/proc/kpagecount");
  flags_fd = open_for_root("/proc/kpageflags");
  expect_frame_numbers();
  expect_free_arena();
}

static void print_name(const char *path, const struct file *files) {
  int file = files == NULL ? -1 : files_index(files, path);
  if (file >= 0) {
    printf("f%d", file);
  } else if (strcmp(path, SHARED_ANONYMOUS) == 0) {
    printf("shm");
  } else if (path[0] != '\0') {
    fail(EXIT_REFUSED, "an area of the arena is called %s, which no operation made", path);
  }
}

/** One line of maps. Returns whether it is about the arena. */
static bool print_area(char *line, int count, const struct file *files, struct area *area) {
  char protection[8];
  uint64_t offset;
  int path = 0;
  const char *format = "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*u %n";
  line[strcspn(line, "\n")] = '\0';
  int fields = sscanf(line, format, &area->start, &area->end, protection, &offset, &path);
  if (fields != 4) fail(EXIT_REFUSED, "maps has a line that is not understood: %s", line);
  if (area->start < ARENA_START || area->start >= ARENA_END) return false;
  printf("%s[\"%" PRIx64 "\",\"%" PRIx64 "\",\"%s\",\"%" PRIx64 "\",\"", count > 0 ? "," : "",
         area->start, area->end, protection, offset);
  print_name(line + path, files);
  printf("\"]");
  return true;
}

/** Prints them and keeps where they are; returns how many. */
static int print_areas(pid_t pid, const struct file *files) {
  char name[64];
  char line[PATH_MAX + 128];
  snprintf(name, sizeof name, "/proc/%d/maps", pid);
  FILE *maps = fopen(name, "re");
  if (maps == NULL) fail_call(name);
  int count = 0;
  while (fgets(line, sizeof line, maps) != NULL) {
    if (count == AREAS_MAX) fail(EXIT_REFUSED, "more than %d areas", AREAS_MAX);
    if (print_area(line, count, files, &areas[count])) count++;
  }
  fclose(maps);
  return count;
}

static void print_page(uint64_t address, uint64_t entry) {
  if (entry & PM_SWAPPED) {
    printf("\"%" PRIx64 "\":[\"S\"]", address);
    return;
  }
  uint64_t pfn = entry & PM_PFN;
  if (entry_of(flags_fd, pfn, "/proc/kpageflags") & KPF_ZERO_PAGE) {
    printf("\"%" PRIx64 "\":[\"Z\"]", address);
    return;
  }
  uint64_t mapcount = entry_of(counts_fd, pfn, "/proc/kpagecount");
  printf("\"%" PRIx64 "\":[\"P%s%s\",%" PRIu32 ",%" PRIu64 "]", address,
         entry & PM_FILE ? "F" : "", entry & PM_EXCLUSIVE ? "X" : "", frame_number(pfn), mapcount);
}

static void print_pages(pid_t pid, int area_count) {
  char name[64];
  snprintf(name, sizeof name, "/proc/%d/pagemap", pid);
  int fd = open_for_root(name);
  const char *separator = "";
  for (int i = 0; i < area_count; i++) {
    for (uint64_t at = areas[i].start; at < areas[i].end; at += PAGE_BYTES) {
      uint64_t entry = entry_of(fd, at / PAGE_BYTES, name);
      if (!(entry & (PM_PRESENT | PM_SWAPPED))) continue;
      fputs(separator, stdout);
      separator = ",";
      print_page(at, entry);
    }
  }
  close(fd);
}

void state_print(const struct processes *processes, const struct file *files) {
  frames_clear();
  printf("{\"op\":\"state\",\"procs\":{");
  for (int i = 0; i < processes->count; i++) {
    const struct process *process = &processes->live[i];
    printf("%s\"%d\":{\"maps\":[", i > 0 ? "," : "", process->number);
    int area_count = print_areas(process->pid, files);
    printf("],\"pages\":{");
    print_pages(process->pid, area_count);
    printf("}}");
  }
  printf("}}\n");
}
