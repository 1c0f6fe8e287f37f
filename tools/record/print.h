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

#endif
