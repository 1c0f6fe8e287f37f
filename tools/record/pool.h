// The pool of huge pages, as large as the recording says.

#ifndef RECORD_POOL_H
#define RECORD_POOL_H

#include <stdint.h>

/** What is left of it, without what the recorder keeps away. */
struct pool {
  /**
   * Huge pages that nobody uses, and how many are promised to somebody. The latter falls below 0
   * when an owner goes whose fork child has a page of it (hugetlb_restore_reserve).
   */
  int64_t free, promised;
};

/**
 * Leaves exactly `pages` huge pages of 2 MiB that nobody uses or was promised; fails where there
 * are fewer. Nothing of the system is changed: what is too much the recorder keeps.
 */
void pool_open(int64_t pages);

struct pool pool_now(void);

#endif
