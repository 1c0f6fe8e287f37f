// Leaving with a word on stderr.

#include "fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fail(int code, const char *format, ...) {
  va_list values;
  va_start(values, format);
  fputs("record: ", stderr);
  vfprintf(stderr, format, values);
  fputc('\n', stderr);
  va_end(values);
  exit(code);
}

void fail_call(const char *what) {
  fail(EXIT_REFUSED, "%s: %s", what, strerror(errno));
}
