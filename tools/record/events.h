// Lines of the kernel's trace, turned into records of the history.

#ifndef RECORD_EVENTS_H
#define RECORD_EVENTS_H

#include <stdbool.h>
#include <sys/types.h>

/** Enables what programs are recorded by; false, and errno, where that cannot be. */
bool events_open(void);

/** Takes all that has been traced since the last time. */
void events_take(void);

/** Takes what was traced of a task before it was known. Precondition: it is known now. */
void events_take_early(pid_t tid);

#endif
