// What every program of a side has in common: it does one case, asked over stdin (see
// bench/native-runner.ts), and reads the clock itself.

#pragma once

#include <stddef.h>
#include <stdint.h>

#define PAGE 4096UL

/** A case. `numbers` are what its bench.ts file starts it with. */
struct work {
  const char *name;
  void (*prepare)(const long *numbers);
  void (*setup)(void); // before each run, not timed; may be NULL
  void (*run)(void);
  void (*outcome)(void); // adds what is there after a run
};

/** How many units one run does; `prepare` sets it. */
extern long units;

/** The first of the case's arguments as text, for what is no number. */
extern const char *argument;

/** What a run took by a clock of its own, ns; `run` sets it where the harness's would not do. */
extern double measured;

/** Nanoseconds of a clock that only goes forward. */
double now(void);

/** Takes a value into the outcome: bench/digest.ts has the same function. */
void add(uint64_t value);

/** Where the touch of a page goes and what it writes: bench/region.ts has the same. */
static inline size_t touched_byte(long page) { return (size_t)page * 67 % PAGE; }
static inline uint8_t touched_value(long page) { return (uint8_t)(1 + page * 13 % 255); }

/** Ends the program when a call failed that must not. */
void must(int is_done, const char *what);

/** Without arguments: prints the names of the cases. Else serves the one that is named. */
int serve(const struct work *works, size_t count, int argc, char **argv);
