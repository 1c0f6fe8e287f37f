// A worker: one address space of the recording, which does what it is told.

#ifndef RECORD_WORKER_H
#define RECORD_WORKER_H

#include "choose.h"
#include "files.h"

/** A pair of sockets for each process that can live: the recorder's end, and the worker's. */
struct wires {
  int recorder[LIVE_MAX];
  int worker[LIVE_MAX];
};

/** Serves its wire until it is told to exit or the recorder is gone. */
_Noreturn void worker_run(int slot, const struct wires *wires, const struct file files[FILES]);

#endif
