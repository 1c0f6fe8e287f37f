#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NUMBERS_MAX = 4, SAMPLES_A_ROUND = 50 };

long units;
const char *argument = "";
double measured = -1;

static uint32_t sum;

void add(uint64_t value) {
  uint32_t folded = sum ^ (uint32_t)value ^ (uint32_t)(value >> 32);
  sum = folded * 0x9e3779b1u ^ folded >> 15;
}

void must(int is_done, const char *what) {
  if (is_done) return;
  perror(what);
  exit(1);
}

double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void prove(const struct work *work) {
  if (work->setup) work->setup();
  work->run();
  sum = 0;
  work->outcome();
  printf("proof %ld %08x\n", units, sum);
}

/** At least so many runs, and until so much time is in them; but no more than say something. */
static void round_of(const struct work *work, long runs, double milliseconds) {
  double spent = 0;
  printf("samples");
  long most = runs > SAMPLES_A_ROUND ? runs : SAMPLES_A_ROUND;
  for (long run = 0; run < most && (run < runs || spent < milliseconds * 1e6); run++) {
    if (work->setup) work->setup();
    double start = now();
    work->run();
    double taken = measured < 0 ? now() - start : measured;
    spent += taken;
    printf(" %.0f", taken);
  }
  printf("\n");
}

static const struct work *named(const struct work *works, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(works[i].name, name) == 0) return &works[i];
  return NULL;
}

int serve(const struct work *works, size_t count, int argc, char **argv) {
  if (argc < 2) {
    for (size_t i = 0; i < count; i++) puts(works[i].name);
    return 0;
  }
  const struct work *work = named(works, count, argv[1]);
  if (work == NULL) return 2;
  long numbers[NUMBERS_MAX] = {0};
  for (int i = 2; i < argc && i < 2 + NUMBERS_MAX; i++) numbers[i - 2] = atol(argv[i]);
  if (argc > 2) argument = argv[2];
  work->prepare(numbers);
  char line[128];
  while (fgets(line, sizeof line, stdin)) {
    long runs;
    double milliseconds;
    if (strcmp(line, "prove\n") == 0) prove(work);
    else if (sscanf(line, "round %ld %lf", &runs, &milliseconds) == 2)
      round_of(work, runs, milliseconds);
    else return 2;
    fflush(stdout);
  }
  return 0;
}
