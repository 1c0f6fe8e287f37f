// Records what this kernel does with random memory operations, as mm-run/1 on stdout.
//
//   main ── chooses a call ──▶ processes ──▶ worker (one for each address space) ──▶ kernel
//     │                            │
//     ▼                            ▼
//   print: the call and its answer   state: what /proc shows of all of them, now and then
//
// See README.md beside it.

#include <stdio.h>
#include <string.h>

#include "choose.h"
#include "fail.h"
#include "options.h"
#include "print.h"
#include "processes.h"
#include "state.h"

#if !defined(__linux__) || !defined(__x86_64__)
#error "recordings are of Linux on x86-64"
#endif

static void step(struct processes *processes, int index, struct call *call) {
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
  print_operation(proc, child, call, &reply);
}

static void record(const struct options *options, struct processes *processes,
                   const struct file *files) {
  struct chooser chooser = {.random = random_from(options->seed),
                            .profile = options->profile,
                            .span_pages = options->span_pages};
  for (uint64_t done = 1; done <= options->ops; done++) {
    int index = (int)random_below(&chooser.random, (uint64_t)processes->count);
    struct census census = {.live = processes->count, .is_first = index == 0};
    struct call call = done == 1 ? first_call(&chooser) : next_call(&chooser, &census);
    step(processes, index, &call);
    if (done % options->state_every == 0 || done == options->ops) state_print(processes, files);
  }
}

int main(int count, char **words) {
  static struct file opened[FILES];
  static struct processes processes;
  struct options options = options_from(count, words);
  const struct file *files = options.profile->has_files ? opened : NULL;
  state_open();
  if (files != NULL) files_open(opened);
  processes_start(&processes, files);
  print_header(&options, files);
  record(&options, &processes, files);
  processes_end(&processes);
  if (fflush(stdout) != 0 || ferror(stdout)) fail_call("writing the recording");
  return 0;
}
