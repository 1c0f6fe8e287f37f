// The truth to compare with: areas and pages of every live process, as /proc shows them.

#ifndef RECORD_STATE_H
#define RECORD_STATE_H

#include "files.h"
#include "processes.h"

/** Looks whether this kernel shows frames to us and leaves the arena free; fails if not. */
void state_open(const struct profile *profile);

/** Prints the whole address space of a process as a `start`; its pages are not listed. */
void state_print_start(const struct process *process, uint64_t the_break);

/** Prints the state of all live processes as a line. `files` is NULL where there are none. */
void state_print(const struct processes *processes, const struct file *files);

#endif
