// What the kernel's mmu_notifier tells the virtual machine that every recorded process owns.
//
// Invariants
//   1  A notice belongs to the operation that is being done: the recorder lets one process do one
//      thing at a time, and reads what was announced before it asks for the next.
//   2  Ranges outside the arena are not there.

#ifndef RECORD_NOTICES_H
#define RECORD_NOTICES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "call.h"

#define NOTICES_MAX 4096

struct notice {
  uint64_t start, end;
};

struct notices {
  struct notice list[NOTICES_MAX];
  int count;
  /** An access may take a page from another process, which is told. */
  bool steals;
};

/** Listens from now on; says why on stderr, once, and returns false where it cannot. */
bool notices_open(struct arena arena);

/** Follows this process and all that come of it. */
void notices_follow(pid_t pid);

/** Takes what was announced since the last time, in the kernel's order. */
void notices_take(struct notices *notices);

#endif
