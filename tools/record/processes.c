// The processes of a recording: started, asked, waited for.

#include "processes.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fail.h"
#include "notices.h"

static void make_wires(struct wires *wires) {
  for (int i = 0; i < LIVE_MAX; i++) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) fail_call("socketpair");
    wires->recorder[i] = ends[0];
    wires->worker[i] = ends[1];
  }
}

void settle_on_one_processor(void) {
  int here = sched_getcpu();
  if (here < 0) fail_call("sched_getcpu");
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(here, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) fail_call("sched_setaffinity");
  // Whatever this machine is set to.
  if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0) fail_call("PR_SET_THP_DISABLE");
}

static void add(struct processes *processes, pid_t pid, int slot) {
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) fail_call("pidfd_open");
  processes->live[processes->count++] = (struct process){
      .number = processes->made++, .pid = pid, .pidfd = pidfd, .slot = slot};
}

void processes_start(struct processes *processes, const struct file files[FILES]) {
  make_wires(&processes->wires);
  settle_on_one_processor();
  pid_t pid = fork();
  if (pid < 0) fail_call("fork");
  if (pid == 0) worker_run(0, &processes->wires, files);
  notices_follow(pid);
  for (int i = 0; i < LIVE_MAX; i++) close(processes->wires.worker[i]);
  add(processes, pid, 0);
}

static void send_call(const struct processes *processes, int index, const struct call *call) {
  int wire = processes->wires.recorder[processes->live[index].slot];
  ssize_t sent = send(wire, call, sizeof *call, MSG_NOSIGNAL);
  if (sent != (ssize_t)sizeof *call) fail_call("asking a worker");
}

/** Waits for its answer, or for its end: then nobody would ever answer. */
static struct reply receive_reply(const struct processes *processes, int index) {
  const struct process *process = &processes->live[index];
  int wire = processes->wires.recorder[process->slot];
  struct pollfd waits[] = {{.fd = wire, .events = POLLIN},
                           {.fd = process->pidfd, .events = POLLIN}};
  while (poll(waits, 2, -1) < 0) {
    if (errno != EINTR) fail_call("poll");
  }
  struct reply reply;
  if (!(waits[0].revents & POLLIN) || recv(wire, &reply, sizeof reply, 0) != sizeof reply) {
    fail(EXIT_REFUSED, "process %d died; is there too little memory?", process->number);
  }
  return reply;
}

struct reply process_do(struct processes *processes, int index, const struct call *call) {
  send_call(processes, index, call);
  return receive_reply(processes, index);
}

static int free_slot(const struct processes *processes) {
  bool is_used[LIVE_MAX] = {false};
  for (int i = 0; i < processes->count; i++) is_used[processes->live[i].slot] = true;
  for (int slot = 0; slot < LIVE_MAX; slot++) {
    if (!is_used[slot]) return slot;
  }
  fail(EXIT_REFUSED, "more than %d processes at once", LIVE_MAX);
}

struct reply process_fork(struct processes *processes, int index, struct call *call) {
  call->slot = free_slot(processes);
  struct reply reply = process_do(processes, index, call);
  if (reply.error != 0) fail(EXIT_REFUSED, "fork: %s", strerror(reply.error));
  add(processes, (pid_t)reply.ret, call->slot);
  receive_reply(processes, processes->count - 1);
  reply.ret = 0;
  return reply;
}

static void wait_for(const struct process *process) {
  while (waitpid(process->pid, NULL, 0) < 0) {
    if (errno != EINTR) fail_call("waitpid");
  }
  close(process->pidfd);
}

struct reply process_exit(struct processes *processes, int index, const struct call *call) {
  send_call(processes, index, call);
  wait_for(&processes->live[index]);
  struct process *left = &processes->live[index];
  processes->count--;
  memmove(left, left + 1, (size_t)(processes->count - index) * sizeof *left);
  return (struct reply){.ret = 0};
}

void processes_end(struct processes *processes) {
  for (int i = 0; i < processes->count; i++) {
    syscall(SYS_pidfd_send_signal, processes->live[i].pidfd, SIGKILL, NULL, 0);
    wait_for(&processes->live[i]);
  }
  processes->count = 0;
}
