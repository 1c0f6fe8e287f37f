// splitmix64: a counter and a mixing of its bits. Every seed is a good one, 0 too.

#include "random.h"

struct random random_from(uint64_t seed) {
  return (struct random){.state = seed};
}

static uint64_t next(struct random *random) {
  random->state += 0x9e3779b97f4a7c15;
  uint64_t mixed = random->state;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

uint64_t random_below(struct random *random, uint64_t bound) {
  return next(random) % bound;
}

bool random_once_in(struct random *random, uint64_t times) {
  return random_below(random, times) == 0;
}
