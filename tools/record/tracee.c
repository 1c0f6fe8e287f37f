// By ptrace. A system call is made for a task at an instruction of the vdso, whose page is in no
// recording; its memory is neither read nor written.

#include "tracee.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fail.h"

/** The first breakpoint, local, of one byte that is executed. */
#define DR7_EXECUTE_0 1UL
#define VDSO_BYTES 4096

static uint64_t auxiliary(pid_t tid, uint64_t type) {
  char name[64];
  Elf64_auxv_t entry;
  snprintf(name, sizeof name, "/proc/%d/auxv", tid);
  FILE *file = fopen(name, "re");
  if (file == NULL) fail_call(name);
  uint64_t value = 0;
  while (value == 0 && fread(&entry, sizeof entry, 1, file) == 1) {
    if (entry.a_type == type) value = entry.a_un.a_val;
  }
  fclose(file);
  return value;
}

static void set_debug(pid_t tid, size_t number, uint64_t value) {
  size_t at = offsetof(struct user, u_debugreg) + number * sizeof(uint64_t);
  if (ptrace(PTRACE_POKEUSER, tid, at, value) != 0) fail_call("a breakpoint of the processor");
}

void tracee_stop_at_entry(pid_t tid) {
  set_debug(tid, 0, auxiliary(tid, AT_ENTRY));
  set_debug(tid, 7, DR7_EXECUTE_0);
}

void tracee_forget_entry(pid_t tid) {
  set_debug(tid, 7, 0);
}

/** Where in the vdso a `syscall` is: the same in every process. */
static uint64_t syscall_in_vdso(void) {
  const unsigned char *vdso = (const unsigned char *)getauxval(AT_SYSINFO_EHDR);
  for (uint64_t at = 0; vdso != NULL && at + 1 < VDSO_BYTES; at++) {
    if (vdso[at] == 0x0f && vdso[at + 1] == 0x05) return at;
  }
  fail(EXIT_REFUSED, "the vdso has no system call in it");
}

/** A signal that comes in between is kept back and sent again. False: somebody has killed it. */
static bool run_to_syscall_stop(pid_t tid) {
  int status;
  while (ptrace(PTRACE_SYSCALL, tid, 0, 0) == 0) {
    if (waitpid(tid, &status, __WALL) != tid) fail_call("waitpid");
    if (!WIFSTOPPED(status)) return false;
    if (WSTOPSIG(status) == (SIGTRAP | 0x80)) return true;
    if (status >> 16 == 0) syscall(SYS_tkill, tid, WSTOPSIG(status));
  }
  if (errno != ESRCH) fail_call("PTRACE_SYSCALL");
  return false;
}

static int64_t make_call(pid_t tid, uint64_t number, uint64_t a, uint64_t b, uint64_t c) {
  struct user_regs_struct saved;
  if (ptrace(PTRACE_GETREGS, tid, 0, &saved) != 0) fail_call("PTRACE_GETREGS");
  struct user_regs_struct regs = saved;
  regs.rip = auxiliary(tid, AT_SYSINFO_EHDR) + syscall_in_vdso();
  regs.rax = number;
  regs.orig_rax = (uint64_t)-1;
  regs.rdi = a;
  regs.rsi = b;
  regs.rdx = c;
  if (ptrace(PTRACE_SETREGS, tid, 0, &regs) != 0) fail_call("PTRACE_SETREGS");
  if (!run_to_syscall_stop(tid) || !run_to_syscall_stop(tid)) return -ESRCH;
  if (ptrace(PTRACE_GETREGS, tid, 0, &regs) != 0) fail_call("PTRACE_GETREGS");
  if (ptrace(PTRACE_SETREGS, tid, 0, &saved) != 0) fail_call("PTRACE_SETREGS");
  return (int64_t)regs.rax;
}

bool tracee_is_gone(pid_t tid) {
  return ptrace(PTRACE_PEEKUSER, tid, 0, 0) < 0 && errno == ESRCH;
}

bool tracee_own_vm(pid_t tid) {
  int64_t low = make_call(tid, SYS_ioctl, TRACEE_KVM_FD, KVM_CREATE_VM, 0);
  if (low < 0) return false;
  // Out of the way of a program that counts on the lowest number.
  int64_t high = make_call(tid, SYS_dup3, (uint64_t)low, TRACEE_VM_FD, O_CLOEXEC);
  make_call(tid, SYS_close, (uint64_t)low, 0, 0);
  return high >= 0;
}

static bool is_ours(uint64_t fd) {
  return fd == TRACEE_KVM_FD || fd == TRACEE_VM_FD;
}

void tracee_keep_files(pid_t tid, uint64_t number, const uint64_t arguments[6]) {
  bool closes_ours = number == SYS_close && is_ours(arguments[0]);
  bool closes_all = number == SYS_close_range && arguments[1] >= TRACEE_KVM_FD;
  if (!closes_ours && !closes_all) return;
  struct user_regs_struct regs;
  if (ptrace(PTRACE_GETREGS, tid, 0, &regs) != 0) fail_call("PTRACE_GETREGS");
  if (closes_ours) regs.rdi = (uint64_t)-1;
  else regs.rsi = TRACEE_KVM_FD - 1;
  if (ptrace(PTRACE_SETREGS, tid, 0, &regs) != 0) fail_call("PTRACE_SETREGS");
}
