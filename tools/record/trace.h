// The kernel's own trace, by an instance of tracefs that is ours alone.
//
// Invariants
//   1  Nobody else's tracing is touched: events are enabled in our instance only, and it goes when
//      the recorder ends, also by a signal.
//   2  Only events of the processes that `trace_follow` named, and of their children, are in it.

#ifndef RECORD_TRACE_H
#define RECORD_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TRACE_FOLDER "/sys/kernel/tracing"

/** Makes the instance; false, and errno, where this kernel or its owner does not let us. */
bool trace_open(void);

/**
 * Enables an event, named as "kvm/kvm_unmap_hva_range". `filter` is the kernel's own filter of it,
 * or NULL. False, and errno, when there is no such event.
 */
bool trace_enable(const char *event, const char *filter);

/** Follows this process and all that come of it. */
void trace_follow(pid_t pid);

/** Reads what has been traced since the last call, line by line; null when there is no more. */
char *trace_line(void);

/** For a child of the recorder, which does not read it: while it could, the instance would stay. */
void trace_leave(void);

#endif
