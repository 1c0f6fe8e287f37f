// A worker: takes a call, makes it, answers.
//
// Invariants
//   1  It touches no memory in the arena but for a call: its own stack and data are elsewhere.
//   2  A child has the recorder as its parent (CLONE_PARENT): the recorder waits for its end, and
//      no worker has zombies.

#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trace.h"
#include "vm.h"

static sigjmp_buf out_of_access;
static volatile sig_atomic_t is_accessing, signal_number, signal_code;

static void on_signal(int number, siginfo_t *info, void *context) {
  (void)context;
  if (!is_accessing) _exit(1);
  signal_number = number;
  signal_code = info->si_code;
  siglongjmp(out_of_access, 1);
}

static void catch_signals(void) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
}

/** One byte, by an access of the processor. */
static int64_t touch(const struct call *call, struct reply *reply) {
  volatile unsigned char *byte = (volatile unsigned char *)call->addr;
  volatile int64_t ret = 0;
  is_accessing = 1;
  if (sigsetjmp(out_of_access, 0) != 0) {
    reply->signal = signal_number;
    reply->code = signal_code;
  } else if (call->op == OP_WRITE) {
    *byte = (unsigned char)call->byte;
  } else {
    ret = *byte;
  }
  is_accessing = 0;
  return ret;
}

/** One byte, by a system call on a file. */
static int64_t access_file(const struct call *call, int fd, struct reply *reply) {
  unsigned char byte = (unsigned char)call->byte;
  off_t off = (off_t)call->off;
  bool is_read = call->op == OP_FREAD;
  ssize_t count = is_read ? pread(fd, &byte, 1, off) : pwrite(fd, &byte, 1, off);
  if (count < 0) return -1;
  reply->count = (int)count;
  return is_read ? byte : 0;
}

static int64_t perform(const struct call *call, const struct file *files, struct reply *reply) {
  uint64_t addr = call->addr;
  uint64_t len = call->len;
  int fd = call->file == NO_FILE ? -1 : files[call->file].fd;
  // No library between: it might round, retry or refuse.
  switch (call->op) {
    case OP_MMAP: return syscall(SYS_mmap, addr, len, call->prot, call->flags, fd, call->off);
    case OP_MUNMAP: return syscall(SYS_munmap, addr, len);
    case OP_MPROTECT: return syscall(SYS_mprotect, addr, len, call->prot);
    case OP_MREMAP:
      return syscall(SYS_mremap, addr, len, call->new_len, call->flags, call->new_addr);
    case OP_MADVISE: return syscall(SYS_madvise, addr, len, call->advice);
    case OP_MLOCK: return syscall(SYS_mlock, addr, len);
    case OP_MUNLOCK: return syscall(SYS_munlock, addr, len);
    case OP_MINCORE: return syscall(SYS_mincore, addr, len, reply->resident);
    case OP_MSYNC: return syscall(SYS_msync, addr, len, call->flags);
    case OP_READ:
    case OP_WRITE: return touch(call, reply);
    case OP_FREAD:
    case OP_FWRITE: return access_file(call, fd, reply);
    case OP_FTRUNCATE: return syscall(SYS_ftruncate, fd, len);
    case OP_PUNCH:
      return syscall(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, call->off, len);
    case OP_BRK: return syscall(SYS_brk, addr);
    case OP_FORK: return syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    case OP_EXIT: _exit(0);
  }
  errno = ENOSYS;
  return -1;
}

void worker_run(int slot, const struct wires *wires, const struct file files[FILES]) {
  catch_signals();
  trace_leave();
  vm_own();
  // While a worker held such an end, none would see that the recorder is gone.
  for (int i = 0; i < LIVE_MAX; i++) close(wires->recorder[i]);
  struct call call;
  int wire = wires->worker[slot];
  while (read(wire, &call, sizeof call) == (ssize_t)sizeof call) {
    struct reply reply;
    memset(&reply, 0, sizeof reply);
    errno = 0;
    reply.ret = perform(&call, files, &reply);
    if (reply.ret == -1) reply.error = errno;
    if (call.op == OP_FORK && reply.ret == 0) {
      // It answers too, when it can be told of what happens to its memory.
      wire = wires->worker[call.slot];
      vm_own();
    }
    if (write(wire, &reply, sizeof reply) != (ssize_t)sizeof reply) break;
  }
  _exit(0);
}
