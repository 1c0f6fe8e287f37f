// Five events tell all: the start of an invalidation, page faults, system calls' two ends, and the
// moment when exec changes the address space.

#include "events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "fail.h"
#include "tasks.h"
#include "trace.h"

#define FAULT_WRITES 2

/** A line of a task that nobody knew when it came. */
struct early {
  struct early *next;
  pid_t tid;
  char text[];
};

static struct early *early;

static const int NUMBERS[] = {
    SYS_mmap,    SYS_mprotect, SYS_munmap, SYS_brk,   SYS_mremap, SYS_msync, SYS_madvise,
    SYS_mlock,   SYS_munlock,  SYS_clone,  SYS_fork,  SYS_vfork,  SYS_clone3,
    SYS_ftruncate,
};

static bool enable_calls(void) {
  char filter[512];
  int used = 0;
  for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) {
    used += snprintf(filter + used, sizeof filter - (size_t)used, "%sid==%d", i > 0 ? "||" : "",
                     NUMBERS[i]);
  }
  return trace_enable("raw_syscalls/sys_enter", filter) &&
         trace_enable("raw_syscalls/sys_exit", filter);
}

bool events_open(void) {
  return trace_open() && trace_enable("kvm/kvm_unmap_hva_range", NULL) &&
         trace_enable("exceptions/page_fault_user", NULL) &&
         trace_enable("exceptions/page_fault_kernel", NULL) &&
         trace_enable("sched/sched_prepare_exec", NULL) && enable_calls();
}

/** The call that system call `number` is; false where it is none that is recorded. */
static bool call_of(int64_t number, const uint64_t word[6], int file, struct call *call) {
  *call = (struct call){.addr = word[0], .len = word[1], .file = NO_FILE};
  switch (number) {
    case SYS_mmap:
      call->op = OP_MMAP;
      call->prot = (int)word[2];
      call->flags = (int)word[3];
      call->off = word[5];
      if (!(word[3] & MAP_ANONYMOUS)) call->file = file;
      return true;
    case SYS_mprotect: call->op = OP_MPROTECT; call->prot = (int)word[2]; return true;
    case SYS_munmap: call->op = OP_MUNMAP; return true;
    case SYS_brk: call->op = OP_BRK; return true;
    case SYS_mremap:
      call->op = OP_MREMAP;
      call->new_len = word[2];
      call->flags = (int)word[3];
      call->new_addr = word[3] & MREMAP_FIXED ? word[4] : 0;
      return true;
    case SYS_msync: call->op = OP_MSYNC; call->flags = (int)word[2]; return true;
    case SYS_madvise: call->op = OP_MADVISE; call->advice = (int)word[2]; return true;
    case SYS_mlock: call->op = OP_MLOCK; return true;
    case SYS_munlock: call->op = OP_MUNLOCK; return true;
    case SYS_ftruncate:
      call->op = OP_FTRUNCATE;
      call->file = file;
      return file != NO_FILE;
    default: call->op = OP_FORK; return true;
  }
}

static void settle(struct task *task) {
  history_settle(task->open);
  task->open = NULL;
}

static void take_enter(struct task *task, const char *text) {
  int64_t number;
  uint64_t word[6];
  const char *format = "NR %" SCNd64 " (%" SCNx64 ", %" SCNx64 ", %" SCNx64 ", %" SCNx64
                       ", %" SCNx64 ", %" SCNx64 ")";
  int fields = sscanf(text, format, &number, &word[0], &word[1], &word[2], &word[3], &word[4],
                      &word[5]);
  if (fields != 7) fail(EXIT_REFUSED, "the trace has a line that is not understood: %s", text);
  struct call call;
  settle(task);
  if (call_of(number, word, task->file, &call)) task->open = history_call(task->proc, &call);
}

static void take_exit(struct task *task, const char *text) {
  const char *answer = strstr(text, " = ");
  if (answer == NULL) fail(EXIT_REFUSED, "the trace has a line that is not understood: %s", text);
  int64_t ret = strtoll(answer + 3, NULL, 10);
  // A fork that came to be was closed when its child was met.
  history_answer(task->open, ret);
  settle(task);
}

static void take_fault(struct task *task, const char *text) {
  const char *address = strstr(text, "address=0x");
  const char *code = strstr(text, "error_code=0x");
  if (address == NULL || code == NULL) return;
  uint64_t at = strtoull(address + 10, NULL, 16);
  // One on the way through a call that is recorded: only answers are written then.
  if (at >= USER_END || history_is_call(task->open)) return;
  settle(task);
  uint64_t bits = strtoull(code + 13, NULL, 16);
  task->open = history_fault(task->proc, at, (bits & FAULT_WRITES) != 0);
}

static void take_notice(struct task *task, const char *text) {
  uint64_t start, end;
  const char *words = strstr(text, "range: ");
  if (words == NULL || sscanf(words, "range: %" SCNx64 " -- %" SCNx64, &start, &end) != 2) {
    fail(EXIT_REFUSED, "the trace has a line that is not understood: %s", text);
  }
  history_notice(task->open, start, end);
}

/** From here on what it does is done in the address space of another program. */
static void take_exec(struct task *task, const char *text) {
  (void)text;
  task_leave(task);
}

/** "comm-PID [CPU] flags time: " before an event; comm may have anything in it. */
static pid_t tid_of(const char *line) {
  for (const char *at = strchr(line, '['); at != NULL; at = strchr(at + 1, '[')) {
    if (strspn(at + 1, "0123456789") != 3 || at[4] != ']') continue;
    const char *end = at;
    while (end > line && end[-1] == ' ') end--;
    const char *begin = end;
    while (begin > line && begin[-1] >= '0' && begin[-1] <= '9') begin--;
    if (begin > line && begin < end && begin[-1] == '-') return atoi(begin);
  }
  return 0;
}

static void take(struct task *task, const char *line) {
  static const struct {
    const char *name;
    void (*take)(struct task *task, const char *text);
  } EVENTS[] = {
      {": kvm_unmap_hva_range: ", take_notice}, {": page_fault_user: ", take_fault},
      {": page_fault_kernel: ", take_fault},    {": sys_enter: ", take_enter},
      {": sys_exit: ", take_exit},              {": sched_prepare_exec: ", take_exec},
  };
  if (task->proc == 0) return;
  for (size_t i = 0; i < sizeof EVENTS / sizeof *EVENTS; i++) {
    const char *at = strstr(line, EVENTS[i].name);
    if (at == NULL) continue;
    EVENTS[i].take(task, at + strlen(EVENTS[i].name));
    return;
  }
}

static void keep_early(pid_t tid, const char *line) {
  size_t bytes = strlen(line) + 1;
  struct early *kept = malloc(sizeof *kept + bytes);
  if (kept == NULL) fail_call("malloc");
  *kept = (struct early){.tid = tid};
  memcpy(kept->text, line, bytes);
  struct early **link = &early;
  while (*link != NULL) link = &(*link)->next;
  *link = kept;
}

void events_take(void) {
  const char *line;
  while ((line = trace_line()) != NULL) {
    pid_t tid = tid_of(line);
    struct task *task = task_find(tid);
    if (task != NULL && !task->is_early) take(task, line);
    else keep_early(tid, line);
  }
}

void events_take_early(pid_t tid) {
  struct early **link = &early;
  while (*link != NULL) {
    struct early *kept = *link;
    if (kept->tid != tid) {
      link = &kept->next;
      continue;
    }
    *link = kept->next;
    take(task_find(tid), kept->text);
    free(kept);
  }
}
