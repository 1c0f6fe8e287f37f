// Pages of an address space as the kernel shows them to root: present, in which frame, how often.

#ifndef RECORD_PAGES_H
#define RECORD_PAGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "maps.h"

/** Looks whether this kernel shows frames to us; fails if not. */
void pages_open(void);

/** Begins a snapshot, in which frames are numbered anew. */
void pages_begin(void);

/** Prints the pages of these areas as members of an object; `skips_files`: only anonymous ones. */
void print_pages(pid_t pid, const struct area *areas, int area_count, bool skips_files);

#endif
