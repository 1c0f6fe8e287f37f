// Looking at a process of this host: what its region at an address has come to.

#pragma once

#include <sys/types.h>

/** Adds a region to the outcome, as bench/outcome.ts does: areas, present pages, their bytes. */
void add_region(pid_t pid, char *start, long pages);

/** The same without the pages of shared areas, which come by read-ahead as well. */
void add_private(pid_t pid, char *start, long pages);
