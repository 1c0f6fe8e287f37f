// Calls that are wrong: each kind of call has the ways in which one can be.
//
// No call here may do harm where the kernel does not refuse it: lengths that are too long reach
// beyond the end of the address space, or wrap.

#include <sys/mman.h>

#include "draw.h"
#include "files.h"

static const int READ_WRITE = PROT_READ | PROT_WRITE;

/** Nothing to do, beyond all addresses, and around to behind the start. */
static const uint64_t LENGTHS[] = {0, 1UL << 63, -PAGE_BYTES, -PAGE_BYTES * 900000, -1};

/** None of these is an advice, or none that this memory can take. */
static const int ADVICE[] = {5, 6, 7, 26, 77, 99, -1, MADV_REMOVE};

static void wrong_mmap(struct chooser *chooser, struct call *call) {
  static const int TYPES[] = {0, MAP_SHARED_VALIDATE, 4, 15};
  switch (below(chooser, 9)) {
    case 0: call->addr += 123; break;
    case 1: call->len = ONE_OF(chooser, LENGTHS); break;
    case 2: call->off += 7; break;
    case 3: call->flags = (call->flags & ~MAP_TYPE) | ONE_OF(chooser, TYPES); break;
    case 4: call->off = -PAGE_BYTES * (1 + below(chooser, 40)); break;
    case 5:
      // A file that is none.
      call->flags &= ~MAP_ANONYMOUS;
      call->file = NO_FILE;
      break;
    case 6: call->addr = 1UL << (47 + below(chooser, 17)); break;
    case 7: call->addr = below(chooser, 16) * PAGE_BYTES; break;
    default: call->prot |= 0x1000000; break;
  }
}

static void wrong_munmap(struct chooser *chooser, struct call *call) {
  if (once_in(chooser, 3)) call->addr += 5;
  else if (once_in(chooser, 4)) call->addr = 1UL << 47;
  else call->len = ONE_OF(chooser, LENGTHS);
}

static void wrong_mprotect(struct chooser *chooser, struct call *call) {
  static const int PROTS[] = {0x1000001, 0x1000003, 0x10 | READ_WRITE, 0x3000003, PROT_GROWSDOWN,
                              PROT_GROWSUP | PROT_READ, PROT_GROWSDOWN | PROT_READ};
  switch (below(chooser, 3)) {
    case 0: call->addr += 9; break;
    case 1: call->len = once_in(chooser, 2) ? 0 : -PAGE_BYTES; break;
    default: call->prot = ONE_OF(chooser, PROTS); break;
  }
}

static void wrong_mremap(struct chooser *chooser, struct call *call) {
  static const int FLAGS[] = {8, MREMAP_FIXED, MREMAP_DONTUNMAP, 0x10 | MREMAP_MAYMOVE,
                              MREMAP_FIXED | MREMAP_DONTUNMAP};
  call->flags = MREMAP_MAYMOVE | MREMAP_FIXED;
  call->new_addr = call->addr + below(chooser, 64) * PAGE_BYTES;
  switch (below(chooser, 7)) {
    case 0: call->addr += 3; break;
    case 1: call->new_addr += 3; break;
    case 2: call->new_len = once_in(chooser, 2) ? 0 : 1UL << 47; break;
    case 3: call->flags = ONE_OF(chooser, FLAGS); break;
    // Upon itself.
    case 4: call->new_addr = call->addr + below(chooser, call->len + 1) / 2; break;
    case 5: call->new_addr = 1UL << 47; break;
    default:
      call->flags |= MREMAP_DONTUNMAP;
      call->new_len = call->len + PAGE_BYTES;
      break;
  }
}

static void wrong_madvise(struct chooser *chooser, struct call *call) {
  switch (below(chooser, 3)) {
    case 0: call->addr += 3; break;
    case 1: call->len = once_in(chooser, 2) ? -PAGE_BYTES : (uint64_t)-1; break;
    default: call->advice = ONE_OF(chooser, ADVICE); break;
  }
}

static void wrong_msync(struct chooser *chooser, struct call *call) {
  static const int FLAGS[] = {MS_ASYNC | MS_SYNC, 8, MS_SYNC | 16, -1};
  if (once_in(chooser, 2)) call->addr += 1;
  else call->flags = ONE_OF(chooser, FLAGS);
}

/** mincore writes an answer for every page, so it is not made longer. */
static void wrong_mincore(struct chooser *chooser, struct call *call) {
  call->addr += 1 + below(chooser, PAGE_BYTES - 1);
}

static void wrong_lock(struct chooser *chooser, struct call *call) {
  if (once_in(chooser, 2)) call->addr += below(chooser, PAGE_BYTES);
  else call->len = once_in(chooser, 2) ? 0 : -PAGE_BYTES * (2 + below(chooser, 8));
}

static void wrong_punch(struct chooser *chooser, struct call *call) {
  if (once_in(chooser, 2)) call->len = 0;
  else call->off += files_bytes(chooser->profile, call->file);
}

void choose_fault_of(struct chooser *chooser, struct call *call) {
  switch (call->op) {
    case OP_MMAP: wrong_mmap(chooser, call); break;
    case OP_MUNMAP: wrong_munmap(chooser, call); break;
    case OP_MPROTECT: wrong_mprotect(chooser, call); break;
    case OP_MREMAP: wrong_mremap(chooser, call); break;
    case OP_MADVISE: wrong_madvise(chooser, call); break;
    case OP_MSYNC: wrong_msync(chooser, call); break;
    case OP_MINCORE: wrong_mincore(chooser, call); break;
    case OP_MLOCK:
    case OP_MUNLOCK: wrong_lock(chooser, call); break;
    case OP_PUNCH: wrong_punch(chooser, call); break;
    default: break;
  }
}
