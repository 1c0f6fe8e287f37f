// A list: programs that are recorded have few tasks at a time.

#include "tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

static struct task *first;

struct task *task_find(pid_t tid) {
  for (struct task *task = first; task != NULL; task = task->next) {
    if (task->tid == tid) return task;
  }
  return NULL;
}

static pid_t group_of(pid_t tid) {
  char text[128];
  snprintf(text, sizeof text, "/proc/%d/status", tid);
  FILE *status = fopen(text, "re");
  int group = tid;
  while (status != NULL && fgets(text, sizeof text, status) != NULL) {
    if (sscanf(text, "Tgid: %d", &group) == 1) break;
  }
  if (status != NULL) fclose(status);
  return group;
}

struct task *task_of(pid_t tid) {
  struct task *task = task_find(tid);
  if (task != NULL) return task;
  task = calloc(1, sizeof *task);
  if (task == NULL) fail_call("calloc");
  task->tid = tid;
  task->group = group_of(tid);
  task->next = first;
  first = task;
  return task;
}

void task_remove(struct task *task) {
  struct task **link = &first;
  while (*link != task) link = &(*link)->next;
  *link = task->next;
  free(task);
}

void task_leave(struct task *task) {
  int proc = task->proc;
  history_settle(task->open);
  history_drop(task->open);
  task->open = NULL;
  task->proc = 0;
  if (proc != 0 && task_sharers(proc) == 0) history_exit(proc);
}

bool task_is_any_leaving(void) {
  for (struct task *task = first; task != NULL; task = task->next) {
    if (task->proc == 0 && !task->is_loading) return true;
  }
  return false;
}

int task_count(void) {
  int count = 0;
  for (struct task *task = first; task != NULL; task = task->next) count++;
  return count;
}

int task_sharers(int proc) {
  int count = 0;
  for (struct task *task = first; task != NULL; task = task->next) count += task->proc == proc;
  return count;
}

void task_each(void (*visit)(struct task *task)) {
  for (struct task *task = first, *next; task != NULL; task = next) {
    next = task->next;
    visit(task);
  }
}
