// A real program and all that it starts, from just before its `main` to its end.

#ifndef RECORD_PROGRAM_H
#define RECORD_PROGRAM_H

/** Runs it, writes its recording, and returns when the last of its processes has ended. */
void program_record(char **words);

#endif
