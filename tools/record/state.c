// The truth to compare with, read from /proc/PID/maps, pagemap, kpagecount and kpageflags.
//
// Invariants
//   1  No worker runs while a state is read: every one waits for its next call.
//   2  Only the arena is looked at.

#include "state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "fail.h"
#include "maps.h"
#include "pages.h"
#include "pool.h"

#define AREAS_MAX 65536

static struct area areas[AREAS_MAX];
static struct arena arena;
static bool has_pool;

static void expect_free_arena(void) {
  size_t bytes = arena.end - arena.start;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE;
  void *got = mmap((void *)arena.start, bytes, PROT_NONE, flags, -1, 0);
  if (got != (void *)arena.start) fail(EXIT_REFUSED, "the arena is in use in this process: %m");
  munmap(got, bytes);
}

void state_open(const struct profile *profile) {
  arena = profile->arena;
  has_pool = profile->pool > 0;
  pages_open();
  expect_free_arena();
}

static void print_name(const char *path, const struct file *files) {
  int file = files == NULL ? -1 : files_index(files, path);
  if (file >= 0) {
    printf("f%d", file);
  } else if (strcmp(path, SHARED_ANONYMOUS) == 0) {
    printf("shm");
  } else if (path[0] != '\0' && strcmp(path, ANONYMOUS_HUGE) != 0) {
    fail(EXIT_REFUSED, "an area of the arena is called %s, which no operation made", path);
  }
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

/** Huge pages that nobody uses, and how many are promised. */
static void print_pool(void) {
  struct pool pool = pool_now();
  if (pool.free < 0) fail(EXIT_REFUSED, "the pool had pages besides, promised to nobody here");
  printf(",\"pool\":[%" PRId64 ",%" PRId64 "]", pool.free, pool.promised);
}

void state_print(const struct processes *processes, const struct file *files) {
  pages_begin();
  printf("{\"op\":\"state\",\"procs\":{");
  for (int i = 0; i < processes->count; i++) {
    const struct process *process = &processes->live[i];
    printf("%s\"%d\":{\"maps\":[", i > 0 ? "," : "", process->number);
    int area_count = print_areas(process->pid, files);
    printf("],\"pages\":{");
    print_pages(process->pid, areas, area_count, false);
    printf("}}");
  }
  putchar('}');
  if (has_pool) print_pool();
  printf("}\n");
}
