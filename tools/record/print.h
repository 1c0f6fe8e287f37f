// Lines of the recording (mm-run/1), on stdout.

#ifndef RECORD_PRINT_H
#define RECORD_PRINT_H

#include "call.h"
#include "files.h"
#include "notices.h"
#include "options.h"

/** The first line. `files` is NULL where there are none. */
void print_header(const struct options *options, const struct file *files);

/** An operation of process `proc`: its result, and whom the kernel told. `child`: of a fork. */
void print_operation(int proc, int child, const struct call *call, const struct reply *reply,
                     const struct notices *notices);

/** A page fault that the kernel took for a program. */
void print_fault(int proc, uint64_t address, bool is_write, const struct notices *notices);

/** The end of a program's process. */
void print_exit(int proc);

/** The first line of a program's recording; `words` end with NULL. */
void print_program_header(char **words);

#endif
