// Draws of a chooser, and the families of calls that have a file of their own.
//
// Every function draws in a fixed order, one draw a statement (random.h).

#ifndef RECORD_DRAW_H
#define RECORD_DRAW_H

#include "choose.h"

static inline uint64_t below(struct chooser *chooser, uint64_t bound) {
  return random_below(&chooser->random, bound);
}

static inline bool once_in(struct chooser *chooser, uint64_t times) {
  return random_once_in(&chooser->random, times);
}

/** One of a table's. */
#define ONE_OF(chooser, table) ((table)[below(chooser, sizeof(table) / sizeof *(table))])

/** ftruncate, punch, fread or fwrite. */
void choose_file(struct chooser *chooser, struct call *call);

/** Makes a call that would have been right a wrong one, if it is of a kind that can be. */
void choose_fault_of(struct chooser *chooser, struct call *call);

/** A call of `placement`. */
void choose_placed(struct chooser *chooser, struct call *call);

/** A kind of call, and how often it comes. */
struct kind {
  unsigned weight;
  void (*choose)(struct chooser *chooser, struct call *call);
};

/** The kind that `ticket` falls on; it is below the sum of all weights. */
void choose_of_kind(const struct kind *kinds, struct chooser *chooser, uint64_t ticket,
                    struct call *call);

/** A call of `huge`. */
void choose_huge(struct chooser *chooser, const struct census *census, struct call *call);

/** Huge pages that calls of `huge` begin in. */
uint64_t huge_span(const struct chooser *chooser);

/** The next process, or the end of one; a read where neither can be. */
void choose_life(struct chooser *chooser, const struct census *census, struct call *call);

#endif
