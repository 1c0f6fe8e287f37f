// The command line, every word of it checked.

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

#define OPS_MAX 10000000
#define SPAN_PAGES_MIN 8
#define SPAN_PAGES_MAX 4096

/** With the longest span, calls reach 1 GiB and some huge pages. */
#define WIDE {.start = 0x40000000, .end = 0x90000000}
#define LOW {.start = 0x10000000, .end = 0x20000000}
/** Below the areas of the kernel's own, which begin under the base of all mappings. */
#define HIGH {.start = 0x7ff000000000, .end = 0x7ffff7ff7000}

static const struct profile PROFILES[] = {
    {.name = "private", .arena = LOW},
    {.name = "fork", .arena = LOW, .has_forks = true},
    {.name = "files", .arena = LOW, .has_files = true},
    {.name = "mixed", .arena = LOW, .has_forks = true, .has_files = true},
    {.name = "errors", .arena = LOW, .has_files = true, .has_errors = true},
    {.name = "remove", .arena = LOW, .has_files = true, .is_in_memory = true,
     .has_removal = true},
    {.name = "swap", .arena = LOW, .has_swap = true},
    {.name = "placement", .arena = HIGH, .has_forks = true, .has_files = true, .is_placed = true},
    {.name = "rare", .arena = LOW, .has_forks = true, .has_files = true, .has_rarities = true},
    {.name = "huge", .arena = WIDE, .has_forks = true, .pool = 400},
    {.name = "huge-tight", .arena = WIDE, .has_forks = true, .pool = 16, .is_tight = true},
};

#define PROFILE_NAMES                             \
  "private, fork, files, mixed, errors, remove, swap, placement, rare, huge or huge-tight"

static const char USAGE[] =
    "record [options] > FILE: random memory operations, and what this kernel made of them\n"
    "record --program -- COMMAND [ARGUMENT…] > FILE: the memory history of a program\n"
    "  --profile NAME   " PROFILE_NAMES "\n"
    "  --seed N         the same number gives the same operations (1)\n"
    "  --ops N          how many operations (4000)\n"
    "  --span PAGES     how much memory they are about (96)\n"
    "  --state-every N  operations from one state to the next (12)\n";

static const struct option WORDS[] = {
    {"profile", required_argument, NULL, 'p'}, {"seed", required_argument, NULL, 's'},
    {"ops", required_argument, NULL, 'o'},     {"span", required_argument, NULL, 'n'},
    {"state-every", required_argument, NULL, 'e'}, {"program", no_argument, NULL, 'g'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const struct profile *profile_of(const char *name) {
  for (size_t i = 0; i < sizeof PROFILES / sizeof *PROFILES; i++) {
    if (strcmp(PROFILES[i].name, name) == 0) return &PROFILES[i];
  }
  fail(EXIT_USAGE, "--profile is " PROFILE_NAMES ", not \"%s\"", name);
}

static uint64_t number_of(const char *option, const char *text, uint64_t min, uint64_t max) {
  char *end = NULL;
  errno = 0;
  uint64_t value = strtoull(text, &end, 10);
  // strtoull takes signs and spaces, and wraps what is below zero.
  bool is_number = text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
  if (!is_number || value < min || value > max) {
    fail(EXIT_USAGE, "--%s is a number from %llu to %llu, not \"%s\"", option,
         (unsigned long long)min, (unsigned long long)max, text);
  }
  return value;
}

/** Stands for a program that is not known yet. */
static char *no_command;

static void take(struct options *options, int word, const char *text) {
  switch (word) {
    case 'p': options->profile = profile_of(text); break;
    // A double holds it exactly, so that scripts need no bigger numbers than it.
    case 's': options->seed = number_of("seed", text, 0, (1ULL << 53) - 1); break;
    case 'o': options->ops = number_of("ops", text, 1, OPS_MAX); break;
    case 'n': options->span_pages = number_of("span", text, SPAN_PAGES_MIN, SPAN_PAGES_MAX); break;
    case 'e': options->state_every = number_of("state-every", text, 1, OPS_MAX); break;
    case 'g': options->program = &no_command; break;
    case 'h': fputs(USAGE, stdout); exit(0);
    default: exit(EXIT_USAGE);  // getopt_long has said what is wrong.
  }
}

struct options options_from(int count, char **words) {
  struct options options = {
      .profile = &PROFILES[0], .seed = 1, .ops = 4000, .span_pages = 96, .state_every = 12,
  };
  int word;
  // The first word that is no option ends them: a program has options of its own.
  while ((word = getopt_long(count, words, "+", WORDS, NULL)) != -1) take(&options, word, optarg);
  if (options.program != NULL) {
    options.program = words + optind;
    if (optind == count) fail(EXIT_USAGE, "--program needs a command after --");
    return options;
  }
  if (optind < count) fail(EXIT_USAGE, "\"%s\" is not an option; see --help", words[optind]);
  return options;
}
