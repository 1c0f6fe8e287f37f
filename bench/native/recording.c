// The calls of a recording, each by a process of its own where the recording has several.
//
// They share one page of state and take turns, as the recording has them:
//
//   process 0      ── calls ──┐            ┌── calls ──▶
//                         handover     handover
//   process 1                 └── calls ──┘
//
// The clock runs while a process makes its calls and stands still while a turn is handed over. An
// exit counts until this process has waited for it, since that is when it is done.

#define _GNU_SOURCE
#include "recording.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "process.h"

/** What the script calls an operation: the order of CODES in bench/recording.bench.ts. */
enum code {
  WRITE, READ, MMAP, MUNMAP, MPROTECT, MREMAP, MADVISE, MLOCK, MUNLOCK, MSYNC, MINCORE, FORK, EXIT
};

enum { CALLS_MAX = 1 << 13, PROCS_MAX = 64, PAGES_MAX = 1 << 16, FIELDS = 7 };

/** Where recordings of this kind have everything that they do. */
#define ARENA 0x10000000UL
static const long ARENA_PAGES = 1 << 16;

struct call {
  enum code code;
  long proc;
  unsigned long a, b, c, d, e;
};

/** How a call ended: OK with a value, FAILED with an errno, SIGNALLED with a code. */
struct answer {
  enum { OK, FAILED, SIGNALLED } kind;
  uint64_t value;
};

static struct {
  _Atomic uint32_t event; // counts handovers: what is waited for
  _Atomic long next;      // the call that is made next
  _Atomic pid_t leaving;  // who is about to exit
  double spent, since;    // ns
  pid_t pids[PROCS_MAX];
  struct answer answers[CALLS_MAX];
} *shared;

static struct call calls[CALLS_MAX];
static long count;

static sigjmp_buf back;
static volatile int signal_code;

static void on_signal(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  signal_code = info->si_code;
  siglongjmp(back, 1);
}

static void wake(void) {
  shared->event++;
  syscall(SYS_futex, &shared->event, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/** Returns when there was an event since `seen` was read. */
static void wait_since(uint32_t seen) {
  syscall(SYS_futex, &shared->event, FUTEX_WAIT, seen, NULL, NULL, 0);
}

static uint64_t residence(const struct call *call, int *is_done) {
  static unsigned char pages[PAGES_MAX];
  *is_done = mincore((void *)call->a, call->b, pages) == 0;
  uint32_t sum = 0;
  for (unsigned long page = 0; *is_done && page < (call->b + PAGE - 1) / PAGE; page++) {
    uint32_t folded = sum ^ (pages[page] & 1);
    sum = folded * 0x9e3779b1u ^ folded >> 15;
  }
  return sum;
}

static void live(long proc);

/** A brother of this process, so that the one that waits for exits is the parent of all. */
static int fork_brother(long proc) {
  long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) live(proc);
  shared->pids[proc] = (pid_t)pid;
  return pid > 0 ? 0 : -1;
}

/** A system call; -1 with errno. */
static long make(const struct call *call) {
  void *at = (void *)call->a;
  switch (call->code) {
    case MMAP: return (long)mmap(at, call->b, (int)call->c, (int)call->d, -1, 0);
    case MUNMAP: return munmap(at, call->b);
    case MPROTECT: return mprotect(at, call->b, (int)call->c);
    case MREMAP: return (long)mremap(at, call->b, call->c, (int)call->d, (void *)call->e);
    case MADVISE: return madvise(at, call->b, (int)call->c);
    case MLOCK: return mlock(at, call->b);
    case MUNLOCK: return munlock(at, call->b);
    case MSYNC: return msync(at, call->b, (int)call->c);
    case FORK: return fork_brother((long)call->a);
    default: return 0;
  }
}

static struct answer access_byte(const struct call *call) {
  volatile uint8_t *at = (volatile uint8_t *)call->a;
  if (sigsetjmp(back, 0) != 0) return (struct answer){SIGNALLED, (uint64_t)signal_code};
  if (call->code == READ) return (struct answer){OK, *at};
  *at = (uint8_t)call->b;
  return (struct answer){OK, 0};
}

static struct answer perform(const struct call *call) {
  if (call->code <= READ) return access_byte(call);
  int is_done = 1;
  long value = call->code == MINCORE ? (long)residence(call, &is_done) : make(call);
  if (!is_done || value == -1) return (struct answer){FAILED, (uint64_t)errno};
  return (struct answer){OK, (uint64_t)value};
}

static void leave(void) {
  shared->leaving = getpid();
  wake();
  _exit(0);
}

/** Makes the calls of this process that come one after another, with the clock running. */
static void take_turn(long proc, long at) {
  shared->since = now();
  for (; at < count && calls[at].proc == proc; at++) {
    shared->answers[at] = (struct answer){OK, 0};
    if (calls[at].code == EXIT) leave();
    shared->answers[at] = perform(&calls[at]);
  }
  shared->spent += now() - shared->since;
  shared->next = at;
  wake();
}

static void live(long proc) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    uint32_t seen = shared->event;
    long at = shared->next;
    if (at < count && calls[at].proc == proc && shared->leaving == 0) take_turn(proc, at);
    else wait_since(seen);
  }
}

/** Waits for one that exits, and gives its turn to the next. */
static void reap(void) {
  pid_t pid = shared->leaving;
  must(waitpid(pid, NULL, 0) == pid, "waitpid");
  shared->spent += now() - shared->since;
  for (long proc = 0; proc < PROCS_MAX; proc++)
    if (shared->pids[proc] == pid) {
      shared->pids[proc] = 0;
      while (calls[shared->next].proc != proc || calls[shared->next].code != EXIT) shared->next++;
    }
  shared->next++;
  shared->leaving = 0;
  wake();
}

static void kill_all(void) {
  for (long proc = 0; proc < PROCS_MAX; proc++) {
    pid_t pid = shared->pids[proc];
    if (pid == 0) continue;
    must(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid, "kill");
    shared->pids[proc] = 0;
  }
}

static void read_script(const char *text) {
  char *end = (char *)text;
  while (*end != '\0') {
    unsigned long f[FIELDS];
    for (int i = 0; i < FIELDS; i++) f[i] = strtoul(end, &end, 10);
    must(count < CALLS_MAX && f[1] < PROCS_MAX, "script");
    calls[count++] = (struct call){(enum code)f[0], (long)f[1], f[2], f[3], f[4], f[5], f[6]};
  }
}

void recording_prepare(const long *numbers) {
  (void)numbers;
  read_script(argument);
  units = count;
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  must(shared != MAP_FAILED, "mmap");
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
}

void recording_run(void) {
  kill_all();
  shared->next = 0;
  shared->spent = 0;
  pid_t first = fork();
  must(first >= 0, "fork");
  if (first == 0) live(0);
  shared->pids[0] = first;
  for (;;) {
    uint32_t seen = shared->event;
    if (shared->leaving != 0) reap();
    else if (shared->next >= count) break;
    else wait_since(seen);
  }
  measured = shared->spent;
}

void recording_outcome(void) {
  for (long at = 0; at < count; at++) {
    add((uint64_t)shared->answers[at].kind);
    add(shared->answers[at].value);
  }
  for (long proc = 0; proc < PROCS_MAX; proc++) {
    if (shared->pids[proc] == 0) continue;
    add((uint64_t)proc);
    add_private(shared->pids[proc], (char *)ARENA, ARENA_PAGES);
  }
}
