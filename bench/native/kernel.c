// Side "kernel": each case by system calls and touches of memory, of the kernel that this runs on.
//
// Pages are of 4 KiB: transparent huge pages are off for this process and its children. What the
// host's hypervisor adds to a fault or a system call is in the figures.

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "process.h"
#include "recording.h"

enum { PROCESSES_MAX = 64, STRIDE = 7919 };

static char *region; // of so many pages
static long pages;

static char *map(char *at, long count, int prot, int flags) {
  char *found = mmap(at, (size_t)count * PAGE, prot, flags | MAP_ANONYMOUS, -1, 0);
  must(found != MAP_FAILED, "mmap");
  return found;
}

static char *map_private(long count) {
  return map(NULL, count, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

static void touch(void) {
  for (long page = 0; page < pages; page++)
    ((volatile uint8_t *)region)[(size_t)page * PAGE + touched_byte(page)] = touched_value(page);
}

static void unmap(void) { must(munmap(region, (size_t)pages * PAGE) == 0, "munmap"); }

static void nothing(void) {}

static void add_own(void) { add_region(getpid(), region, pages); }

// ---- fault, fault-512, fault-populate, munmap

static void prepare_pages(const long *numbers) { units = pages = numbers[0]; }

static void map_fresh(void) {
  if (region != NULL) unmap();
  region = map_private(pages);
}

static void populate(void) {
  must(madvise(region, (size_t)pages * PAGE, MADV_POPULATE_WRITE) == 0, "MADV_POPULATE_WRITE");
}

static void map_touched(void) {
  region = map_private(pages);
  touch();
}

// ---- map-unmap

static void map_and_unmap(void) {
  for (long pair = 0; pair < units; pair++) {
    char *at = map_private(1);
    must(munmap(at, PAGE) == 0, "munmap");
  }
}

static void add_pairs(void) {
  add((uint64_t)units);
  add(0);
}

// ---- mprotect, mremap, translate

static void prepare_touched(const long *numbers) {
  prepare_pages(numbers);
  map_touched();
}

static void prepare_both_ways(const long *numbers) {
  prepare_touched(numbers);
  units = 2 * pages;
}

static void protect_and_back(void) {
  size_t bytes = (size_t)pages * PAGE;
  must(mprotect(region, bytes, PROT_READ) == 0, "mprotect");
  must(mprotect(region, bytes, PROT_READ | PROT_WRITE) == 0, "mprotect");
}

static char *target;

/** Both ends at multiples of 2 MiB, as the system places a mapping of whole ones. */
static void prepare_move(const long *numbers) {
  const size_t huge = 512 * PAGE;
  pages = numbers[0];
  units = 2 * pages;
  char *both = map_private(2 * pages + 512);
  uintptr_t aligned = ((uintptr_t)both + huge - 1) / huge * huge;
  must(munmap(both, (size_t)(2 * pages + 512) * PAGE) == 0, "munmap");
  target = (char *)aligned;
  region = map(target + (size_t)pages * PAGE, pages, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_FIXED_NOREPLACE);
  touch();
}

static void move(char *from, char *to) {
  size_t bytes = (size_t)pages * PAGE;
  must(mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to, "mremap");
}

static void move_and_back(void) {
  move(region, target);
  move(target, region);
}

static int pagemap;
static uint64_t *entries;

static void prepare_translate(const long *numbers) {
  prepare_touched(numbers);
  pagemap = open("/proc/self/pagemap", O_RDONLY);
  entries = malloc((size_t)pages * sizeof *entries);
  must(pagemap >= 0 && entries != NULL, "pagemap");
}

/** All in one read. */
static void translate(void) {
  ssize_t bytes = pages * (long)sizeof *entries;
  off_t at = (off_t)((uintptr_t)region / PAGE * sizeof *entries);
  must(pread(pagemap, entries, (size_t)bytes, at) == bytes, "pagemap");
  long present = 0;
  for (long page = 0; page < pages; page++) present += (long)(entries[page] >> 63);
  must(present == pages, "present");
}

// ---- children: fork-exit, cow, remote-read

static pid_t child;

static pid_t fork_sleeper(void) {
  pid_t made = fork();
  must(made >= 0, "fork");
  if (made > 0) return made;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) pause();
}

static void kill_child(pid_t pid) {
  must(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid, "kill");
}

static void prepare_fork(const long *numbers) {
  prepare_pages(numbers);
  region = map_private(pages);
}

static void fork_and_exit(void) {
  pid_t made = fork();
  must(made >= 0, "fork");
  if (made == 0) _exit(0);
  must(waitpid(made, NULL, 0) == made, "waitpid");
}

static void fork_anew(void) {
  if (child != 0) kill_child(child);
  touch();
  child = fork_sleeper();
}

static void add_both(void) {
  add_own();
  add_region(child, region, pages);
}

/** The child keeps the memory, this process only its place. */
static void prepare_remote(const long *numbers) {
  prepare_touched(numbers);
  child = fork_sleeper();
  must(madvise(region, (size_t)pages * PAGE, MADV_DONTNEED) == 0, "MADV_DONTNEED");
}

static uint8_t copy[PAGE];
static uint32_t seen; // of what was read: a checksum as bench/digest.ts makes it

static void read_remote(void) {
  struct iovec to = {copy, PAGE};
  seen = 0;
  for (long page = 0; page < pages; page++) {
    struct iovec from = {region + (size_t)page * PAGE, PAGE};
    must(process_vm_readv(child, &to, 1, &from, 1, 0) == (ssize_t)PAGE, "process_vm_readv");
    uint32_t folded = seen ^ copy[touched_byte(page)];
    seen = folded * 0x9e3779b1u ^ folded >> 15;
  }
}

static void add_remote(void) {
  add(seen);
  add_region(child, region, pages);
}

// ---- rmap-unmap-64: processes that share memory, and touch it when they are told

static struct {
  pid_t pid;
  int ask, answer;
} sharers[PROCESSES_MAX];
static long others;

static void serve_touches(int asked, int answer) {
  char token;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (read(asked, &token, 1) == 1) {
    touch();
    if (write(answer, &token, 1) != 1) break;
  }
  _exit(0);
}

static void fork_sharer(long index) {
  int ask[2], answer[2];
  must(pipe(ask) == 0 && pipe(answer) == 0, "pipe");
  pid_t made = fork();
  must(made >= 0, "fork");
  if (made == 0) {
    close(ask[1]);
    serve_touches(ask[0], answer[1]);
  }
  close(ask[0]);
  close(answer[1]);
  sharers[index].pid = made;
  sharers[index].ask = ask[1];
  sharers[index].answer = answer[0];
}

static void prepare_sharers(const long *numbers) {
  pages = numbers[0];
  others = numbers[1] - 1;
  units = pages * numbers[1];
  must(others < PROCESSES_MAX, "processes");
  region = map(NULL, pages, PROT_READ | PROT_WRITE, MAP_SHARED);
  for (long index = 0; index < others; index++) fork_sharer(index);
}

static void touch_all(void) {
  char token = 0;
  touch();
  for (long index = 0; index < others; index++) {
    must(write(sharers[index].ask, &token, 1) == 1, "ask");
    must(read(sharers[index].answer, &token, 1) == 1, "answer");
  }
}

static void remove_pages(long first, long count) {
  char *at = region + (size_t)first * PAGE;
  must(madvise(at, (size_t)count * PAGE, MADV_REMOVE) == 0, "MADV_REMOVE");
}

static void remove_each(void) {
  for (long page = 0; page < pages; page++) remove_pages(page, 1);
}

static void remove_all(void) { remove_pages(0, pages); }

static void add_sharers(void) {
  add_own();
  for (long index = 0; index < others; index++) add_region(sharers[index].pid, region, pages);
}

// ---- areas: one of many is unmapped and mapped again

static int prot_of(long index) {
  return index % 2 == 0 ? PROT_READ : PROT_READ | PROT_WRITE;
}

static void prepare_areas(const long *numbers) {
  pages = numbers[0];
  units = numbers[1];
  region = map_private(pages);
  for (long index = 0; index < pages; index += 2)
    must(mprotect(region + (size_t)index * PAGE, PAGE, PROT_READ) == 0, "mprotect");
}

static void unmap_and_map(void) {
  for (long pair = 0; pair < units; pair++) {
    long index = pair * STRIDE % pages;
    char *at = region + (size_t)index * PAGE;
    must(munmap(at, PAGE) == 0, "munmap");
    map(at, 1, prot_of(index), MAP_PRIVATE | MAP_FIXED);
  }
}

static const struct work WORKS[] = {
    {"fault", prepare_pages, map_fresh, touch, add_own},
    {"fault-512", prepare_pages, map_fresh, touch, add_own},
    {"fault-populate", prepare_pages, map_fresh, populate, add_own},
    {"map-unmap", prepare_pages, nothing, map_and_unmap, add_pairs},
    {"areas-1000", prepare_areas, nothing, unmap_and_map, add_own},
    {"areas-60000", prepare_areas, nothing, unmap_and_map, add_own},
    {"munmap", prepare_pages, map_touched, unmap, add_own},
    {"mprotect", prepare_both_ways, nothing, protect_and_back, add_own},
    {"mremap", prepare_move, nothing, move_and_back, add_own},
    {"fork-exit", prepare_fork, touch, fork_and_exit, add_own},
    {"cow", prepare_fork, fork_anew, touch, add_both},
    {"translate", prepare_translate, nothing, translate, add_own},
    {"remote-read", prepare_remote, nothing, read_remote, add_remote},
    {"rmap-unmap-64", prepare_sharers, touch_all, remove_each, add_sharers},
    {"rmap-unmap-64-batch", prepare_sharers, touch_all, remove_all, add_sharers},
    {"recording-private-1", recording_prepare, nothing, recording_run, recording_outcome},
    {"recording-fork-1", recording_prepare, nothing, recording_run, recording_outcome},
};

int main(int argc, char **argv) {
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  return serve(WORKS, sizeof WORKS / sizeof *WORKS, argc, argv);
}
