// The truth to compare with, read from /proc/PID/maps, pagemap, kpagecount and kpageflags.
//
// Invariants
//   1  No worker runs while a state is read: every one waits for its next call.
//   2  Only the arena is looked at.

#include "state.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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
/** Pages that are looked at together. */
#define ENTRIES 512

struct area {
  uint64_t start, end;
};

static struct area areas[AREAS_MAX];
static struct arena arena;
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
  size_t bytes = arena.end - arena.start;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE;
  void *got = mmap((void *)arena.start, bytes, PROT_NONE, flags, -1, 0);
  if (got != (void *)arena.start) fail(EXIT_REFUSED, "the arena is in use in this process: %m");
  munmap(got, bytes);
}

void state_open(struct arena shown) {
  arena = shown;
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

struct line {
  struct area area;
  char rights[8];
  uint64_t offset;
  const char *path;
};

static struct line parse_line(char *text) {
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

static void print_area(const struct line *line, const char *separator) {
  printf("%s[\"%" PRIx64 "\",\"%" PRIx64 "\",\"%s\",\"%" PRIx64 "\",\"", separator,
         line->area.start, line->area.end, line->rights, line->offset);
}

/** One line of maps. Returns whether it is about the arena. */
static bool print_in_arena(char *text, int count, const struct file *files, struct area *area) {
  struct line line = parse_line(text);
  *area = line.area;
  if (area->start < arena.start || area->start >= arena.end) return false;
  print_area(&line, count > 0 ? "," : "");
  print_name(line.path, files);
  printf("\"]");
  return true;
}

static FILE *open_maps(pid_t pid) {
  char name[64];
  snprintf(name, sizeof name, "/proc/%d/maps", pid);
  FILE *maps = fopen(name, "re");
  if (maps == NULL) fail_call(name);
  return maps;
}

/** Prints them and keeps where they are; returns how many. */
static int print_areas(pid_t pid, const struct file *files) {
  char line[PATH_MAX + 128];
  FILE *maps = open_maps(pid);
  int count = 0;
  while (fgets(line, sizeof line, maps) != NULL) {
    if (count == AREAS_MAX) fail(EXIT_REFUSED, "more than %d areas", AREAS_MAX);
    if (print_in_arena(line, count, files, &areas[count])) count++;
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

/** At most ENTRIES pages of an area, read at once. */
static void print_some_pages(int fd, uint64_t start, uint64_t count, bool *is_first) {
  uint64_t entries[ENTRIES];
  ssize_t bytes = (ssize_t)(count * sizeof *entries);
  off_t at = (off_t)(start / PAGE_BYTES * sizeof *entries);
  if (pread(fd, entries, (size_t)bytes, at) != bytes) fail_call("pagemap");
  for (uint64_t i = 0; i < count; i++) {
    if (!(entries[i] & (PM_PRESENT | PM_SWAPPED))) continue;
    if (!*is_first) putchar(',');
    *is_first = false;
    print_page(start + i * PAGE_BYTES, entries[i]);
  }
}

static void print_pages(pid_t pid, int area_count) {
  char name[64];
  snprintf(name, sizeof name, "/proc/%d/pagemap", pid);
  int fd = open_for_root(name);
  bool is_first = true;
  for (int i = 0; i < area_count; i++) {
    for (uint64_t at = areas[i].start; at < areas[i].end; at += ENTRIES * PAGE_BYTES) {
      uint64_t left = (areas[i].end - at) / PAGE_BYTES;
      print_some_pages(fd, at, left < ENTRIES ? left : ENTRIES, &is_first);
    }
  }
  close(fd);
}

/** Field 47 of /proc/PID/stat, behind a name in parentheses that may have any character. */
static uint64_t start_of_heap(pid_t pid) {
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

/** Every name but the kernel's own is that of the recorder. */
static const char *name_at_start(const char *path) {
  return path[0] == '/' ? "program" : path;
}

void state_print_start(const struct process *process, uint64_t the_break) {
  printf("{\"op\":\"start\",\"proc\":%d,\"brk\":[\"%" PRIx64 "\",\"%" PRIx64 "\"],\"maps\":[",
         process->number, start_of_heap(process->pid), the_break);
  char text[PATH_MAX + 128];
  FILE *maps = open_maps(process->pid);
  bool reaches_base = false;
  for (int count = 0; fgets(text, sizeof text, maps) != NULL; count++) {
    struct line line = parse_line(text);
    print_area(&line, count > 0 ? "," : "");
    printf("%s\"]", name_at_start(line.path));
    reaches_base |= line.area.end == MMAP_BASE;
  }
  fclose(maps);
  if (!reaches_base) fail(EXIT_REFUSED, "this kernel does not place mappings below %lx", MMAP_BASE);
  printf("],\"pages\":{}}\n");
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
