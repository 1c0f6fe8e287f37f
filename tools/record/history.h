// What the processes of a program did, in the order in which the kernel did it.
//
//              event of a task begins one            the same task's next event, its stop
//   (nothing) ───────────────────────────▶ open ────────────────────────────────────────▶ closed
//                                                                                          │
//                                           printed, once all that began before it is  ◀───┘
//
// Invariants
//   1  A task has at most one open record, and the notices of the task go to it.
//   2  Records are printed in the order in which they began.

#ifndef RECORD_HISTORY_H
#define RECORD_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "call.h"

struct record;

/** A fault at `address`, open until the task does something else. */
struct record *history_fault(int proc, uint64_t address, bool is_write);

/** A system call that is to be printed, open until `history_answer`. */
struct record *history_call(int proc, const struct call *call);

/**
 * Closes it with what the kernel answered: below zero, a negated errno. What was to be a fork and
 * is none yet has failed, and is not printed.
 */
void history_answer(struct record *record, int64_t ret);

/** Whether it is a system call. */
bool history_is_call(const struct record *record);

/** Closes it as a fork of process `child`; what forks is not known to be one before. */
void history_forked(struct record *record, int child);

/** A record that is to be printed as an exit, closed. */
void history_exit(int proc);

/** Closes it with nothing to print. */
void history_drop(struct record *record);

/** Closes it, if it is a fault. */
void history_settle(struct record *record);

void history_notice(struct record *record, uint64_t start, uint64_t end);

/** Prints what can be printed; returns whether that was all. */
bool history_print(void);

/** Operations that have been printed. */
uint64_t history_printed(void);

#endif
