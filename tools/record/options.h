// What the command line asks for.

#ifndef RECORD_OPTIONS_H
#define RECORD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "call.h"

/** A kind of recording: which operations it has beyond those of one address space. */
struct profile {
  const char *name;
  struct arena arena;
  /** Several processes and shared anonymous memory. */
  bool has_forks;
  /** Mappings of files, reads, writes, truncation and holes of them. */
  bool has_files;
  /** None of these files is on a disk. */
  bool is_in_memory;
  /** MADV_REMOVE is among the advice. */
  bool has_removal;
  /** MADV_PAGEOUT is among the advice. */
  bool has_swap;
  /** Flags and advice that few programs use. */
  bool has_rarities;
  /** A quarter of the calls is wrong. */
  bool has_errors;
  /** The kernel chooses addresses; the recording begins with the whole address space. */
  bool is_placed;
  /** Huge pages that there are; 0: calls are not about those. */
  int64_t pool;
  /** The pool runs out. */
  bool is_tight;
};

struct options {
  const struct profile *profile;
  uint64_t seed;
  uint64_t ops;
  /** Pages that operations begin in. */
  uint64_t span_pages;
  /** Operations from one state to the next. */
  uint64_t state_every;
  /** The program to record and its arguments, ended by NULL; NULL: random operations. */
  char **program;
};

/** Exits with EXIT_USAGE for what is not an option, and with 0 after `--help`. */
struct options options_from(int count, char **words);

#endif
