// Side "unicorn": the memory of the CPU emulator, by its public calls, at the addresses that
// bench/unicorn/unicorn.contest.ts gives. Nothing is emulated: only uc_mem_* is timed.

#include <stdint.h>
#include <stdlib.h>
#include <unicorn/unicorn.h>

#include "harness.h"

/** Where regions lie, and how far apart: a page that is mapped, a page that is not. */
static const uint64_t BASE = 0x1000000000;
enum { STRIDE = 2 * PAGE };

static uc_engine *engine;
static long pages; // of the region that is worked on
static uint8_t bytes[PAGE];

static void call(uc_err answer, const char *what) { must(answer == UC_ERR_OK, what); }

static void map(uint64_t at, size_t length) {
  call(uc_mem_map(engine, at, length, UC_PROT_READ | UC_PROT_WRITE), "uc_mem_map");
}

static void unmap(uint64_t at, size_t length) {
  call(uc_mem_unmap(engine, at, length), "uc_mem_unmap");
}

static void start(void) { call(uc_open(UC_ARCH_X86, UC_MODE_64, &engine), "uc_open"); }

static void touch(void) {
  for (long page = 0; page < pages; page++) {
    uint8_t value = touched_value(page);
    uint64_t at = BASE + (uint64_t)page * PAGE + touched_byte(page);
    call(uc_mem_write(engine, at, &value, 1), "uc_mem_write");
  }
}

static int by_address(const void *a, const void *b) {
  const uc_mem_region *one = a, *other = b;
  return one->begin < other->begin ? -1 : one->begin > other->begin;
}

static void add_regions(void) {
  uc_mem_region *regions;
  uint32_t count;
  call(uc_mem_regions(engine, &regions, &count), "uc_mem_regions");
  qsort(regions, count, sizeof *regions, by_address);
  add((uint64_t)units);
  add(count);
  for (uint32_t i = 0; i < count; i++) {
    add((regions[i].begin - BASE) / PAGE);
    add((regions[i].end + 1 - BASE) / PAGE);
    add(regions[i].perms);
  }
  uc_free(regions);
}

// ---- regions-map-1, -1000: numbers are pairs, and regions of which all but one stand

static uint64_t last;

static void prepare_regions(const long *numbers) {
  start();
  units = numbers[0];
  last = BASE + (uint64_t)(numbers[1] - 1) * STRIDE;
  for (uint64_t at = BASE; at < last; at += STRIDE) map(at, PAGE);
}

static void map_and_unmap(void) {
  for (long pair = 0; pair < units; pair++) {
    map(last, PAGE);
    unmap(last, PAGE);
  }
}

// ---- regions-protect: the last region loses and gets back the right to write

static void prepare_protect(const long *numbers) {
  prepare_regions(numbers);
  map(last, PAGE);
}

static void protect(void) {
  for (long pair = 0; pair < units; pair++) {
    call(uc_mem_protect(engine, last, PAGE, UC_PROT_READ), "uc_mem_protect");
    call(uc_mem_protect(engine, last, PAGE, UC_PROT_READ | UC_PROT_WRITE), "uc_mem_protect");
  }
}

// ---- regions-unmap, regions-read: one region, every page of it written to

static void prepare_pages(const long *numbers) {
  start();
  units = pages = numbers[0];
}

static void map_touched(void) {
  map(BASE, (size_t)pages * PAGE);
  touch();
}

static void unmap_all(void) { unmap(BASE, (size_t)pages * PAGE); }

static void prepare_read(const long *numbers) {
  prepare_pages(numbers);
  map_touched();
}

static uint32_t seen;

static void read_all(void) {
  seen = 0;
  for (long page = 0; page < pages; page++) {
    call(uc_mem_read(engine, BASE + (uint64_t)page * PAGE, bytes, PAGE), "uc_mem_read");
    seen += bytes[touched_byte(page)];
  }
}

static void add_seen(void) {
  add_regions();
  add(seen);
}

static const struct work works[] = {
    {"regions-map-1", prepare_regions, NULL, map_and_unmap, add_regions},
    {"regions-map-1000", prepare_regions, NULL, map_and_unmap, add_regions},
    {"regions-protect", prepare_protect, NULL, protect, add_regions},
    {"regions-unmap", prepare_pages, map_touched, unmap_all, add_regions},
    {"regions-read", prepare_read, NULL, read_all, add_seen},
};

int main(int argc, char **argv) {
  return serve(works, sizeof works / sizeof *works, argc, argv);
}
