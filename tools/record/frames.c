// A hash table with open addressing; a generation makes clearing it free of charge.

#include "frames.h"

#include "fail.h"

#define BUCKETS (1U << 16)

static struct {
  uint64_t pfn;
  uint32_t number;
  uint32_t generation;
} buckets[BUCKETS];

static uint32_t generation;
static uint32_t known;

void frames_clear(void) {
  generation++;
  known = 0;
}

uint32_t frame_number(uint64_t pfn) {
  uint32_t at = (uint32_t)((pfn * 0x9e3779b97f4a7c15) >> 48) % BUCKETS;
  while (buckets[at].generation == generation) {
    if (buckets[at].pfn == pfn) return buckets[at].number;
    at = (at + 1) % BUCKETS;
  }
  // A search ends at a bucket that is free.
  if (known == BUCKETS - 1) fail(EXIT_REFUSED, "too many frames in one state");
  buckets[at].pfn = pfn;
  buckets[at].number = known;
  buckets[at].generation = generation;
  return known++;
}
