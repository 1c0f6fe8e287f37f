// Side "emscripten": mmap, touch and munmap of anonymous memory as Emscripten's own library has
// them, in WebAssembly. The loops are here, so that no call from JavaScript is in a figure.

#include <emscripten.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "harness.h"

enum { LIVE_MAX = 4096, STEP = 393 };

static char *map(long pages, int prot) {
  return mmap(NULL, (size_t)pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/** The region, every page of it written to; or MAP_FAILED. */
EMSCRIPTEN_KEEPALIVE char *map_touched(long pages) {
  char *region = map(pages, PROT_READ | PROT_WRITE);
  if (region == MAP_FAILED) return region;
  for (long page = 0; page < pages; page++)
    ((volatile uint8_t *)region)[(size_t)page * PAGE + touched_byte(page)] = touched_value(page);
  return region;
}

EMSCRIPTEN_KEEPALIVE int unmap(char *region, long pages) {
  return munmap(region, (size_t)pages * PAGE);
}

/** So many times: map, touch if so wanted, unmap. How many pages that were; -1: a call failed. */
EMSCRIPTEN_KEEPALIVE long cycle(long times, long pages, int is_touched) {
  for (long time = 0; time < times; time++) {
    char *region = is_touched ? map_touched(pages) : map(pages, PROT_READ | PROT_WRITE);
    if (region == MAP_FAILED || unmap(region, pages) != 0) return -1;
  }
  return times * pages;
}

static char *live[LIVE_MAX];

/** Of neighbours only one may be written: so they are maps of their own for everybody. */
static int rights(long at) { return at % 2 ? PROT_READ : PROT_READ | PROT_WRITE; }

/** Maps so many pages that stay. 0 when all are there. */
EMSCRIPTEN_KEEPALIVE int fill(long count) {
  for (long at = 0; at < count; at++)
    if ((live[at] = map(1, rights(at))) == MAP_FAILED) return -1;
  return 0;
}

/** So many times: one of them is unmapped and mapped again, in leaps. -1 when a call failed. */
EMSCRIPTEN_KEEPALIVE long replace(long times, long count) {
  for (long time = 0; time < times; time++) {
    long at = time * STEP % count;
    if (unmap(live[at], 1) != 0 || (live[at] = map(1, rights(at))) == MAP_FAILED) return -1;
  }
  return times;
}
