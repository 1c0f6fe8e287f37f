// Records what this kernel does with random memory operations, as mm-run/1 on stdout.
//
//   main ── chooses a call ──▶ processes ──▶ worker (one for each address space) ──▶ kernel
//     │                            │
//     ▼                            ▼
//   print: the call and its answer   state: what /proc shows of all of them, now and then
//
// See README.md beside it.

#include <stdio.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <unistd.h>

#include "choose.h"
#include "fail.h"
#include "notices.h"
#include "options.h"
#include "pool.h"
#include "print.h"
#include "processes.h"
#include "program.h"
#include "state.h"

#if !defined(__linux__) || !defined(__x86_64__)
#error "recordings are of Linux on x86-64"
#endif

#define ADDR_GET_PERSONALITY 0xffffffff
/** MMAP_BASE is what it is with this stack. */
#define STACK_BYTES 0x800000

static struct notices notices;

static struct reply step(struct processes *processes, int index, struct call *call) {
  int proc = processes->live[index].number;
  int child = processes->made;
  struct reply reply;
  if (call->op == OP_FORK) {
    reply = process_fork(processes, index, call);
  } else if (call->op == OP_EXIT) {
    reply = process_exit(processes, index, call);
  } else {
    reply = process_do(processes, index, call);
  }
  notices_take(&notices);
  print_operation(proc, child, call, &reply, &notices);
  return reply;
}

/** Where everything is at the beginning, for addresses that the kernel will choose. */
static void begin_placed(struct chooser *chooser, struct processes *processes) {
  struct call ask = {.op = OP_BRK, .file = NO_FILE};
  chooser->first_break = (uint64_t)process_do(processes, 0, &ask).ret;
  state_print_start(&processes->live[0], chooser->first_break);
}

static void record(const struct options *options, struct processes *processes,
                   const struct file *files) {
  struct chooser chooser = {.random = random_from(options->seed),
                            .profile = options->profile,
                            .span_pages = options->span_pages};
  bool is_placed = options->profile->is_placed;
  if (is_placed) begin_placed(&chooser, processes);
  for (uint64_t done = 1; done <= options->ops; done++) {
    int index = (int)random_below(&chooser.random, (uint64_t)processes->count);
    struct census census = {.live = processes->count, .is_first = index == 0};
    bool is_first = done == 1 && !is_placed;
    struct call call = is_first ? first_call(&chooser) : next_call(&chooser, &census);
    struct reply reply = step(processes, index, &call);
    if (is_placed) note_answer(&chooser, &call, &reply);
    if (done % options->state_every == 0 || done == options->ops) state_print(processes, files);
  }
}

/**
 * Addresses that the kernel chooses are the same each time only without its own chance, which
 * might even put the recorder's heap into the arena.
 */
static void run_without_chance(char **words) {
  if (personality(ADDR_GET_PERSONALITY) & ADDR_NO_RANDOMIZE) return;
  struct rlimit stack;
  if (getrlimit(RLIMIT_STACK, &stack) != 0) fail_call("getrlimit");
  stack.rlim_cur = STACK_BYTES;
  if (setrlimit(RLIMIT_STACK, &stack) != 0) fail_call("setrlimit");
  if (personality(ADDR_NO_RANDOMIZE) < 0) fail_call("personality");
  execv("/proc/self/exe", words);
  fail_call("/proc/self/exe");
}

static void record_random(const struct options *options) {
  static struct file opened[FILES];
  static struct processes processes;
  const struct profile *profile = options->profile;
  const struct file *files = profile->has_files ? opened : NULL;
  state_open(profile);
  if (files != NULL) files_open(opened, profile);
  notices_open(profile->arena);
  notices.steals = profile->is_tight;
  if (profile->pool > 0) pool_open(profile->pool);
  processes_start(&processes, files);
  print_header(options, files);
  record(options, &processes, files);
  processes_end(&processes);
}

int main(int count, char **words) {
  struct options options = options_from(count, words);
  run_without_chance(words);
  if (options.program != NULL) program_record(options.program);
  else record_random(&options);
  if (fflush(stdout) != 0 || ferror(stdout)) fail_call("writing the recording");
  return 0;
}
