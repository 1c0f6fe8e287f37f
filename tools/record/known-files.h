// The files that a program maps, by what they are and not by what they are called.

#ifndef RECORD_KNOWN_FILES_H
#define RECORD_KNOWN_FILES_H

/** Index of the file at `path`; one that is new is introduced by a line. -1 if it cannot be seen. */
int known_file(const char *path, const char *name);

#endif
