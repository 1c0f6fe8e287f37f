// Which operation comes next, by chance.

#ifndef RECORD_CHOOSE_H
#define RECORD_CHOOSE_H

#include "call.h"
#include "options.h"
#include "random.h"

/** Processes that live at once, at most. */
#define LIVE_MAX 5

struct chooser {
  struct random random;
  const struct profile *profile;
  uint64_t span_pages;
};

/** What the choice may depend on: never an answer of the kernel. */
struct census {
  int live;
  /** The process that acts is the one the recording began with, which never exits. */
  bool is_first;
};

/** The operation that every recording begins with: all of the span, readable and writable. */
struct call first_call(const struct chooser *chooser);

struct call next_call(struct chooser *chooser, const struct census *census);

#endif
