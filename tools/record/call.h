// One operation and its answer, as they go from the recorder to a worker and back.
//
// Invariants
//   1  Both are plain values of one size: what arrives is a whole one, or the worker is gone.
//   2  Nothing in a call depends on an answer: a seed gives the same calls on every kernel. Only
//      `placement` is about what the kernel chose, and so is what comes after it.
//   3  Nothing that a worker needs itself is ever named, so it cannot harm itself: calls are about
//      the arena, about addresses where there is nothing, or are refused whole.

#ifndef RECORD_CALL_H
#define RECORD_CALL_H

#include <stdint.h>

#define PAGE_BYTES 4096UL
/** A huge page, as MAP_HUGETLB has them. */
#define HUGE_BYTES (2UL << 20)
/** End of all user addresses. */
#define USER_END 0x7ffffffff000UL

/** The part of the address space that a recording shows. */
struct arena {
  uint64_t start, end;
};

/** Where placement begins, growing down, without randomness and with a stack of 8 MiB. */
#define MMAP_BASE 0x7ffff7fff000UL

/** The most that one mincore of ordinary pages is about; other calls may be about more. */
#define CALL_PAGES_MAX 24
/** The most that one mincore is about: three huge pages and a page. */
#define RESIDENT_MAX (3 * HUGE_BYTES / PAGE_BYTES + 1)

enum operation {
  OP_MMAP,
  OP_MUNMAP,
  OP_MPROTECT,
  OP_MREMAP,
  OP_MADVISE,
  OP_MLOCK,
  OP_MUNLOCK,
  OP_MINCORE,
  OP_MSYNC,
  OP_READ,
  OP_WRITE,
  OP_FREAD,
  OP_FWRITE,
  OP_FTRUNCATE,
  OP_PUNCH,
  OP_BRK,
  OP_FORK,
  OP_EXIT,
};

#define NO_FILE (-1)

/** Lengths and offsets in bytes, 0 where there is none. ftruncate: `len` is the size. */
struct call {
  enum operation op;
  uint64_t addr, len, off;
  /** mremap: `len` is the old length. */
  uint64_t new_len, new_addr;
  int prot, flags, advice;
  /** Index of a file, or NO_FILE. */
  int file;
  int byte;
  /** fork: the wire that the child answers on. */
  int slot;
};

struct reply {
  /** As the system call; a byte for reads; the pid for fork; 0 at the end of a file for fread. */
  int64_t ret;
  /** errno, or 0. */
  int error;
  /** The signal that an access got, or 0, and its si_code. */
  int signal, code;
  /** fread: bytes that there were, 0 or 1. */
  int count;
  char resident[RESIDENT_MAX];
};

#endif
