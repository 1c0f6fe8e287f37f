// What the command line asks for.

#ifndef RECORD_OPTIONS_H
#define RECORD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/** A kind of recording: which operations it has beyond those of one address space. */
struct profile {
  const char *name;
  /** Several processes and shared anonymous memory. */
  bool has_forks;
  /** Mappings of files, and reads and writes of them. */
  bool has_files;
};

struct options {
  const struct profile *profile;
  uint64_t seed;
  uint64_t ops;
  /** Pages that operations begin in. */
  uint64_t span_pages;
  /** Operations from one state to the next. */
  uint64_t state_every;
};

/** Exits with EXIT_USAGE for what is not an option, and with 0 after `--help`. */
struct options options_from(int count, char **words);

#endif
