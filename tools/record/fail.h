// Leaving with a word on stderr: nothing goes on after something went wrong.

#ifndef RECORD_FAIL_H
#define RECORD_FAIL_H

/** Exit codes: what the caller wrote is wrong, or this machine does not let us. */
enum { EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/** Prints `record: …` as printf would and exits with `code`. */
_Noreturn void fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The same for a call that failed: `what: ` and errno in words. Exits with EXIT_REFUSED. */
_Noreturn void fail_call(const char *what);

#endif
