// The one source of chance: the same seed gives the same numbers, everywhere.
//
// Precondition of every use: one draw a statement. C does not say which of two draws in one
// expression comes first, and a recording must not depend on the compiler.

#ifndef RECORD_RANDOM_H
#define RECORD_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
  uint64_t state;
};

struct random random_from(uint64_t seed);

/** A number below `bound`, which is not 0. */
uint64_t random_below(struct random *random, uint64_t bound);

/** True once in `times`, on average. */
bool random_once_in(struct random *random, uint64_t times);

#endif
