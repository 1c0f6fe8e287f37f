// Every task is stopped by ptrace where it enters and leaves the kernel, forks, execs and exits; at
// each stop the trace is read as far as it has come.

#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "events.h"
#include "fail.h"
#include "known-files.h"
#include "print.h"
#include "processes.h"
#include "space.h"
#include "tasks.h"
#include "trace.h"
#include "tracee.h"

#define FOLLOWED                                                                           \
  (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
   PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL)

/** Operations from one state to the next. */
#define STATE_EVERY 200

/** Address spaces that there were. */
static int procs;
static uint64_t stated;

static void go_on(pid_t tid, int number) {
  // It may have been killed where it stood: then its end comes next.
  if (ptrace(PTRACE_SYSCALL, tid, 0, number) != 0 && errno != ESRCH) fail_call("PTRACE_SYSCALL");
}

/** It has stopped, so a fault of it is over. */
static void settle(struct task *task) {
  if (history_is_call(task->open)) return;
  history_settle(task->open);
  task->open = NULL;
}

/** A state, if nobody is in the middle of something: a record, an exec, an exit. */
static void state(struct task *task) {
  if (!history_print() || task->proc == 0 || task_is_any_leaving()) return;
  space_print(task->tid, task->proc, false);
  stated = history_printed();
}

static bool is_alone(const struct task *task) {
  return task->proc != 0 && task_sharers(task->proc) == 1;
}

/** Gives it its machine. False when it was killed on the way. */
static bool own_vm(struct task *task) {
  if (tracee_own_vm(task->tid)) return true;
  if (tracee_is_gone(task->tid)) {
    task_leave(task);
    task_remove(task);
    return false;
  }
  fprintf(stderr, "record: a program has lost /dev/kvm; it is recorded without notices\n");
  return true;
}

static void on_born(struct task *parent) {
  unsigned long message;
  if (ptrace(PTRACE_GETEVENTMSG, parent->tid, 0, &message) != 0) fail_call("PTRACE_GETEVENTMSG");
  pid_t tid = (pid_t)message;
  bool shares = syscall(SYS_kcmp, parent->tid, tid, KCMP_VM, 0, 0) == 0;
  struct task *child = task_of(tid);
  bool waits = child->is_early;
  child->is_early = false;
  child->is_unborn = !waits;
  child->proc = shares || parent->proc == 0 ? parent->proc : ++procs;
  if (shares) history_drop(parent->open);
  else history_forked(parent->open, child->proc);
  parent->open = NULL;
  events_take_early(tid);
  if (!waits) return;
  bool is_new = !shares && child->proc != 0;
  if (!is_new || own_vm(child)) go_on(tid, 0);
}

/**
 * A child stops before it does anything; what it is, its parent's stop tells. Later ones are of
 * SIGSTOP and SIGCONT, in the midst of whatever it does.
 */
static void on_stop(struct task *task) {
  if (task->is_early) return;
  pid_t tid = task->tid;
  bool is_first = task->is_unborn;
  task->is_unborn = false;
  if (!is_first || !is_alone(task) || own_vm(task)) go_on(tid, 0);
}

static struct task *execer;

static void forget_sibling(struct task *task) {
  if (task != execer && task->group == execer->group) {
    task->proc = 0;
    task_remove(task);
  }
}

static void on_exec(struct task *task) {
  execer = task;
  // The other threads of its process are gone, and it has the number of the first one.
  task_each(forget_sibling);
  task_leave(task);
  task->is_loading = true;
  tracee_stop_at_entry(task->tid);
}

static void on_entry(struct task *task) {
  tracee_forget_entry(task->tid);
  task->is_loading = false;
  if (!own_vm(task)) return;
  events_take();
  task->proc = ++procs;
  space_print(task->tid, task->proc, true);
}

/** Which file a call will be about: nobody can tell any more when it is done. */
static void note_file(struct task *task, uint64_t number, const uint64_t word[6]) {
  char link[64];
  char name[4096];
  bool is_mmap = number == SYS_mmap && !(word[3] & MAP_ANONYMOUS);
  task->file = NO_FILE;
  if (task->proc == 0 || !(is_mmap || number == SYS_ftruncate)) return;
  snprintf(link, sizeof link, "/proc/%d/fd/%d", task->tid, (int)word[is_mmap ? 4 : 0]);
  ssize_t length = readlink(link, name, sizeof name - 1);
  if (length < 0) return;
  name[length] = '\0';
  task->file = is_mmap ? known_file(link, name) : mapped_file(link);
  if (is_mmap) known_file_resize(task->file, link, task->proc);
}

static void on_call(struct task *task) {
  struct __ptrace_syscall_info info;
  if (ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, sizeof info, &info) < 0) {
    if (errno == ESRCH) return;
    fail_call("PTRACE_GET_SYSCALL_INFO");
  }
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    const uint64_t *words = (const uint64_t *)info.entry.args;
    tracee_keep_files(task->tid, info.entry.nr, words);
    note_file(task, info.entry.nr, words);
  } else if (is_alone(task) && history_printed() - stated >= STATE_EVERY) {
    state(task);
  }
}

static void on_event(struct task *task, int event) {
  switch (event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE: on_born(task); break;
    case PTRACE_EVENT_EXEC: on_exec(task); break;
    case PTRACE_EVENT_EXIT:
      if (is_alone(task)) state(task);
      task_leave(task);
      break;
    case PTRACE_EVENT_STOP: on_stop(task); return;
    default: break;
  }
  go_on(task->tid, 0);
}

static void on_status(pid_t tid, int status) {
  struct task *task = task_find(tid);
  events_take();
  if (!WIFSTOPPED(status)) {
    if (task != NULL) {
      task_leave(task);
      task_remove(task);
    }
    return;
  }
  if (task == NULL) {
    task = task_of(tid);
    task->is_early = true;
  }
  int number = WSTOPSIG(status);
  settle(task);
  if (status >> 16 != 0) {
    on_event(task, status >> 16);
  } else if (number == (SIGTRAP | 0x80)) {
    on_call(task);
    go_on(tid, 0);
  } else if (number == SIGTRAP && task->is_loading) {
    on_entry(task);
    go_on(tid, 0);
  } else {
    go_on(tid, number);
  }
}

_Noreturn static void run(char **words, int wire) {
  char byte;
  trace_leave();
  int kvm = open("/dev/kvm", O_RDWR);
  if (kvm < 0 || dup2(kvm, TRACEE_KVM_FD) < 0) fail_call("/dev/kvm");
  close(kvm);
  // A signal to its whole group is not for the recorder.
  setsid();
  // What the program writes is not the recording.
  dup2(STDERR_FILENO, STDOUT_FILENO);
  if (read(wire, &byte, 1) != 1) _exit(1);
  execvp(words[0], words);
  fail_call(words[0]);
}

static pid_t start(char **words) {
  int wire[2];
  if (pipe2(wire, O_CLOEXEC) != 0) fail_call("pipe");
  pid_t pid = fork();
  if (pid < 0) fail_call("fork");
  if (pid == 0) run(words, wire[0]);
  trace_follow(pid);
  if (ptrace(PTRACE_SEIZE, pid, 0, FOLLOWED) != 0) fail_call("PTRACE_SEIZE");
  if (write(wire[1], "", 1) != 1) fail_call("starting the program");
  close(wire[0]);
  close(wire[1]);
  return pid;
}

/** Nothing of the program runs, on the processor that they share, while a state is read. */
static void come_first(void) {
  struct sched_param priority = {.sched_priority = 1};
  if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority) != 0) {
    fail_call("SCHED_FIFO");
  }
}

void program_record(char **words) {
  space_open();
  if (!events_open()) fail_call("what programs are recorded by, " TRACE_FOLDER);
  settle_on_one_processor();
  come_first();
  print_program_header(words);
  task_of(start(words));
  while (task_count() > 0) {
    int status;
    pid_t tid = waitpid(-1, &status, __WALL);
    if (tid < 0) fail_call("waitpid");
    on_status(tid, status);
    history_print();
  }
}
