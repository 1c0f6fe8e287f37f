// Which operation comes next, by chance.

#ifndef RECORD_CHOOSE_H
#define RECORD_CHOOSE_H

#include "call.h"
#include "options.h"
#include "random.h"

/** Processes that live at once, at most. */
#define LIVE_MAX 5

/** Areas that the kernel placed; the oldest is forgotten. */
#define PLACED_MAX 48

struct placed {
  uint64_t addr, len;
};

struct chooser {
  struct random random;
  const struct profile *profile;
  uint64_t span_pages;
  /** In `placement` only: where something is, and the first break. */
  struct placed placed[PLACED_MAX];
  int placed_count;
  uint64_t first_break;
};

/** What the choice may depend on. */
struct census {
  int live;
  /** The process that acts is the one the recording began with, which never exits. */
  bool is_first;
};

/** The operation that a recording in the low arena begins with: all of the span, writable. */
struct call first_call(const struct chooser *chooser);

struct call next_call(struct chooser *chooser, const struct census *census);

/** In `placement`: remembers where the kernel put something. */
void note_answer(struct chooser *chooser, const struct call *call, const struct reply *reply);

#endif
