// The processes of a recording, from the recorder's side.
//
// Invariants
//   1  `live` is in the order of their numbers, and number 0 is always its first.
//   2  A process that was told to exit has been waited for before anything else happens: its
//      address space is gone, and no state sees half of it.
//   3  All run on one processor. A page that the kernel keeps in a list of another processor has a
//      reference more there, which would decide whether a write copies it.

#ifndef RECORD_PROCESSES_H
#define RECORD_PROCESSES_H

#include <sys/types.h>

#include "call.h"
#include "worker.h"

struct process {
  /** As the recording calls it. */
  int number;
  pid_t pid;
  /** Readable when it has ended. */
  int pidfd;
  int slot;
};

struct processes {
  struct process live[LIVE_MAX];
  int count;
  /** How many there ever were: the next one's number. */
  int made;
  struct wires wires;
};

/** For the caller and all that come of it: one processor, and pages of 4 KiB only. */
void settle_on_one_processor(void);

/** Starts number 0. */
void processes_start(struct processes *processes, const struct file files[FILES]);

/** Lets a live process do it; fails if it dies of it. */
struct reply process_do(struct processes *processes, int index, const struct call *call);

/** The same for fork: the child is the last of the live ones then. */
struct reply process_fork(struct processes *processes, int index, struct call *call);

/** The same for exit. */
struct reply process_exit(struct processes *processes, int index, const struct call *call);

/** Ends those that still live, and waits for them. */
void processes_end(struct processes *processes);

#endif
