// The files that a program maps, by what they are and not by what they are called.

#ifndef RECORD_KNOWN_FILES_H
#define RECORD_KNOWN_FILES_H

/** Index of the file at `path`; a new one is introduced by a line. -1 if it cannot be seen. */
int known_file(const char *path, const char *name);

/** The same, but -1 where it is new. */
int mapped_file(const char *path);

/** Prints a change of a file's size that was made otherwise than by ftruncate, as if by that. */
void known_file_resize(int file, const char *path, int proc);

#endif
