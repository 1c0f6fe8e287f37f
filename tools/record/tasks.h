// The tasks of a program (its threads, of all its processes) and whose address space each is in.
//
//             fork, clone                exec              its entry
//   (none) ───────────────▶ in a space ───────▶ loading ─────────────▶ in a new space
//
// Invariants
//   1  Tasks that share an address space have the same `proc`; 0 is a space that is not recorded.

#ifndef RECORD_TASKS_H
#define RECORD_TASKS_H

#include <stdbool.h>
#include <sys/types.h>

#include "history.h"

struct task {
  struct task *next;
  pid_t tid, group;
  int proc;
  /** Runs a program that has not reached its entry. */
  bool is_loading;
  /** Known, and has not stopped yet. */
  bool is_unborn;
  /** Stopped before anything is known of it. */
  bool is_early;
  /** What it does, if that is to be recorded. */
  struct record *open;
  /** Index of the file that the mmap which it has begun is of. */
  int file;
};

struct task *task_find(pid_t tid);

/** Finds it or makes it, in no address space. */
struct task *task_of(pid_t tid);

void task_remove(struct task *task);

/** It leaves its address space, which exits if nobody else is in it. */
void task_leave(struct task *task);

/** Whether an address space may be half gone: somebody has left it, and is not yet elsewhere. */
bool task_is_any_leaving(void);

int task_count(void);

/** How many tasks are in an address space. */
int task_sharers(int proc);

/** Does `visit` for each one. */
void task_each(void (*visit)(struct task *task));

#endif
