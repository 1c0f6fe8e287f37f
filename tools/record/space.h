// The address space of a program at one moment, as `start` and `state` show it.

#ifndef RECORD_SPACE_H
#define RECORD_SPACE_H

#include <stdbool.h>
#include <sys/types.h>

/** Opens what frames are read from. */
void space_open(void);

/**
 * Prints a line of process `proc`: a `start` if `begins`, else a `state`. Its areas, and the pages
 * of its own; those of files are not listed. Precondition: nothing of it runs.
 */
void space_print(pid_t pid, int proc, bool begins);

#endif
