// The pool of huge pages, as large as the recording says.

#ifndef RECORD_POOL_H
#define RECORD_POOL_H

#include <stdint.h>

/** What is left of it, without what the recorder keeps away. */
struct pool {
  /** Huge pages that nobody uses, and how many of these are promised to somebody. */
  uint64_t free, promised;
};

/**
 * Leaves exactly `pages` huge pages of 2 MiB that nobody uses or was promised; fails where there
 * are fewer. Nothing of the system is changed: what is too much is promised to the recorder.
 */
void pool_open(uint64_t pages);

struct pool pool_now(void);

#endif
