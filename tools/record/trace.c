// An instance of tracefs: a folder of its own, read through its trace_pipe.

#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"

#define LINE_BYTES 65536
/** For each processor; a command that is long alone between two reads does not fill it. */
#define BUFFER_KILOBYTES "16384"

static char folder[64];
static int pipe_fd = -1;
static char text[LINE_BYTES + 1];
static size_t used, taken;

void trace_leave(void) {
  if (pipe_fd >= 0) close(pipe_fd);
  pipe_fd = -1;
}

/** An instance that somebody reads cannot be removed. */
static void remove_folder(void) {
  trace_leave();
  if (folder[0] != '\0') rmdir(folder);
}

static void on_end(int number) {
  remove_folder();
  signal(number, SIG_DFL);
  raise(number);
}

static bool write_text(const char *name, const char *value) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  size_t length = strlen(value);
  bool is_done = write(fd, value, length) == (ssize_t)length;
  int error = errno;
  close(fd);
  errno = error;
  return is_done;
}

bool trace_open(void) {
  snprintf(folder, sizeof folder, "%s/instances/pagebell-%d", TRACE_FOLDER, (int)getpid());
  // One of that name is of a process that had our number and was killed.
  rmdir(folder);
  if (mkdir(folder, 0700) != 0) {
    folder[0] = '\0';
    return false;
  }
  atexit(remove_folder);
  signal(SIGINT, on_end);
  signal(SIGTERM, on_end);
  char path[128];
  snprintf(path, sizeof path, "%s/trace_pipe", folder);
  pipe_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (pipe_fd < 0) return false;
  // The names of symbols and a hint about lost events are of no use; a child is followed.
  return write_text("buffer_size_kb", BUFFER_KILOBYTES) && write_text("options/event-fork", "1");
}

bool trace_enable(const char *event, const char *filter) {
  char name[160];
  snprintf(name, sizeof name, "events/%s/filter", event);
  if (filter != NULL && !write_text(name, filter)) return false;
  snprintf(name, sizeof name, "events/%s/enable", event);
  return write_text(name, "1");
}

void trace_follow(pid_t pid) {
  char number[16];
  snprintf(number, sizeof number, "%d", (int)pid);
  if (!write_text("set_event_pid", number)) fail_call("set_event_pid");
}

/** Moves what is left to the front and reads behind it; false when nothing more is there. */
static bool refill(void) {
  memmove(text, text + taken, used - taken);
  used -= taken;
  taken = 0;
  if (used == LINE_BYTES) fail(EXIT_REFUSED, "a line of the trace is too long");
  ssize_t count = read(pipe_fd, text + used, LINE_BYTES - used);
  if (count < 0 && errno != EAGAIN && errno != EINTR) fail_call("trace_pipe");
  if (count <= 0) return false;
  used += (size_t)count;
  return true;
}

char *trace_line(void) {
  if (pipe_fd < 0) return NULL;
  for (;;) {
    char *begin = text + taken;
    char *end = memchr(begin, '\n', used - taken);
    if (end != NULL) {
      *end = '\0';
      taken = (size_t)(end + 1 - text);
      if (strstr(begin, "LOST") != NULL && strstr(begin, "EVENTS") != NULL) {
        fail(EXIT_REFUSED, "the kernel lost events of the trace; the recording would lack them");
      }
      return begin;
    }
    if (!refill()) return NULL;
  }
}
