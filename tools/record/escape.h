// Text of others inside JSON.

#ifndef RECORD_ESCAPE_H
#define RECORD_ESCAPE_H

/** Prints it with quotes around it; what is not ASCII or cannot be seen becomes an escape. */
void print_text(const char *text);

#endif
