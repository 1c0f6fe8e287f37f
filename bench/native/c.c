// Side "c": the cases on what bench/native/memory.c does, which is what the engine does.

#include <string.h>

#include "memory.h"

static space *mm, *child;
static uint64_t region; // of so many pages
static long pages;

static const int BOTH = CAN_READ | CAN_WRITE;

/** Frames beyond those of a region: tables, and what copies need. */
static long frames_for(long count) { return 3 * count + 4096; }

static void touch(void) {
  for (long page = 0; page < pages; page++)
    space_store(mm, region + (uint64_t)page * PAGE + touched_byte(page), touched_value(page));
}

static void prepare(const long *numbers) {
  units = pages = numbers[0];
  memory_init(frames_for(pages));
  mm = space_new();
}

static void prepare_mapped(const long *numbers) {
  prepare(numbers);
  region = space_map(mm, pages, BOTH);
}

static void prepare_touched(const long *numbers) {
  prepare_mapped(numbers);
  touch();
}

static void prepare_both_ways(const long *numbers) {
  prepare_touched(numbers);
  units = 2 * pages;
}

static void nothing(void) {}

static void unmap(void) { space_unmap(mm, region, pages); }

static void map_fresh(void) {
  if (region != 0) unmap();
  region = space_map(mm, pages, BOTH);
}

static void map_touched(void) {
  region = space_map(mm, pages, BOTH);
  touch();
}

static void populate(void) { space_populate(mm, region, pages); }

static void add_own(void) { space_outcome(mm, region, pages); }

static void map_and_unmap(void) {
  for (long pair = 0; pair < units; pair++) space_unmap(mm, space_map(mm, 1, BOTH), 1);
}

static void add_pairs(void) {
  add((uint64_t)units);
  add(0);
}

static void protect_and_back(void) {
  space_protect(mm, region, pages, CAN_READ);
  space_protect(mm, region, pages, BOTH);
}

static void fork_and_exit(void) { space_exit(space_fork(mm)); }

static void fork_anew(void) {
  if (child != NULL) space_exit(child);
  touch();
  child = space_fork(mm);
}

static void add_both(void) {
  add_own();
  space_outcome(child, region, pages);
}

static void translate(void) { must(space_translate(mm, region, pages) == pages, "present"); }

static uint32_t seen; // of what was read: a checksum as bench/digest.ts makes it

static void read_remote(void) {
  static uint8_t copy[PAGE];
  seen = 0;
  for (long page = 0; page < pages; page++) {
    memcpy(copy, space_page(mm, region + (uint64_t)page * PAGE), PAGE);
    uint32_t folded = seen ^ ((volatile uint8_t *)copy)[touched_byte(page)];
    seen = folded * 0x9e3779b1u ^ folded >> 15;
  }
}

static void add_remote(void) {
  add(seen);
  add_own();
}

static const struct work WORKS[] = {
    {"fault", prepare, map_fresh, touch, add_own},
    {"fault-512", prepare, map_fresh, touch, add_own},
    {"fault-populate", prepare, map_fresh, populate, add_own},
    {"map-unmap", prepare, nothing, map_and_unmap, add_pairs},
    {"munmap", prepare, map_touched, unmap, add_own},
    {"mprotect", prepare_both_ways, nothing, protect_and_back, add_own},
    {"fork-exit", prepare_mapped, touch, fork_and_exit, add_own},
    {"cow", prepare_mapped, fork_anew, touch, add_both},
    {"translate", prepare_touched, nothing, translate, add_own},
    {"remote-read", prepare_touched, nothing, read_remote, add_remote},
};

int main(int argc, char **argv) { return serve(WORKS, sizeof WORKS / sizeof *WORKS, argc, argv); }
