// Lines of /proc/PID/maps.

#ifndef RECORD_MAPS_H
#define RECORD_MAPS_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define SHARED_ANONYMOUS "/dev/zero (deleted)"

/** Private ones, too. */
#define ANONYMOUS_HUGE "/anon_hugepage (deleted)"

struct area {
  uint64_t start, end;
};

struct line {
  struct area area;
  char rights[8];
  uint64_t offset;
  /** Within the text that it was parsed from. */
  const char *path;
};

FILE *open_maps(pid_t pid);

/** Ends `text` where its line does. */
struct line parse_line(char *text);

/** Prints all of an area but the rest of its name, which comes next. */
void print_area(const struct line *line, const char *separator);

/** Where the heap begins: the break can not be below. */
uint64_t start_of_heap(pid_t pid);

#endif
