// The operations of `huge`: about whole huge pages nearly always, and between two now and then.
//
// Every function draws in a fixed order, one draw a statement (random.h).

#include <sys/mman.h>

#include "draw.h"

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

/** A span of so many pages has one huge page. */
#define PAGES_A_HUGE 8
#define MOVE_HUGE 4
/** log2 of bytes, in the flags of mmap: a huge page, and a size that x86 does not have. */
#define SIZE_2MB (21 << 26)
#define SIZE_16MB (24 << 26)

static const int READ_WRITE = PROT_READ | PROT_WRITE;

static const int ADVICE[] = {
    MADV_NORMAL,    MADV_RANDOM,      MADV_SEQUENTIAL,    MADV_WILLNEED,       MADV_DONTNEED,
    MADV_DONTNEED,  MADV_DONTNEED,    MADV_DONTNEED,      MADV_REMOVE,         MADV_REMOVE,
    MADV_REMOVE,    MADV_FREE,        MADV_DONTFORK,      MADV_DOFORK,         MADV_WIPEONFORK,
    MADV_KEEPONFORK, MADV_COLD,       MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_DONTNEED_LOCKED,
    MADV_HUGEPAGE,  MADV_NOHUGEPAGE,  MADV_MERGEABLE,     MADV_DONTDUMP,       MADV_DODUMP,
};

uint64_t huge_span(const struct chooser *chooser) {
  return chooser->span_pages / PAGES_A_HUGE;
}

static uint64_t huge_in(struct chooser *chooser, uint64_t pages) {
  return chooser->profile->arena.start + below(chooser, pages) * HUGE_BYTES;
}

/** Some pages off, once in a while: at the beginning, at the end, or both. */
static void misalign(struct chooser *chooser, struct call *call) {
  if (!once_in(chooser, 6)) return;
  uint64_t which = below(chooser, 3);
  uint64_t off = (1 + below(chooser, HUGE_BYTES / PAGE_BYTES - 1)) * PAGE_BYTES;
  if (which != 0) call->addr += off;
  if (which != 1) call->len += once_in(chooser, 2) ? PAGE_BYTES : -PAGE_BYTES;
}

static void choose_mmap(struct chooser *chooser, struct call *call) {
  call->op = OP_MMAP;
  call->prot = once_in(chooser, 3) ? (int)below(chooser, 8) : READ_WRITE;
  call->flags = MAP_ANONYMOUS | (once_in(chooser, 8) ? MAP_FIXED_NOREPLACE : MAP_FIXED);
  call->flags |= once_in(chooser, 3) ? MAP_SHARED : MAP_PRIVATE;
  bool is_small = once_in(chooser, 10);
  if (once_in(chooser, chooser->profile->is_tight ? 4 : 10)) call->flags |= MAP_NORESERVE;
  if (once_in(chooser, 16)) call->flags |= MAP_LOCKED;
  if (once_in(chooser, 12)) call->flags |= MAP_POPULATE;
  if (once_in(chooser, 16)) call->flags |= MAP_STACK;
  if (is_small) {
    misalign(chooser, call);
    return;
  }
  call->flags |= MAP_HUGETLB;
  if (once_in(chooser, 12)) call->flags |= once_in(chooser, 4) ? SIZE_16MB : SIZE_2MB;
  // Below such an offset is something of the mapping's own file that nobody sees.
  if (once_in(chooser, 12)) call->off = below(chooser, 4) * HUGE_BYTES;
  if (once_in(chooser, 40)) call->off += PAGE_BYTES;
  if (once_in(chooser, 12)) call->len -= below(chooser, HUGE_BYTES / PAGE_BYTES) * PAGE_BYTES;
  if (once_in(chooser, 40)) call->addr += PAGE_BYTES;
}

static void choose_munmap(struct chooser *chooser, struct call *call) {
  call->op = OP_MUNMAP;
  misalign(chooser, call);
}

static void choose_mprotect(struct chooser *chooser, struct call *call) {
  call->op = OP_MPROTECT;
  call->prot = READ_WRITE;
  if (once_in(chooser, 2)) call->prot = once_in(chooser, 2) ? (int)below(chooser, 8) : PROT_READ;
  misalign(chooser, call);
}

/** As among ordinary pages: only moves whose target the recording decides. */
static void choose_mremap(struct chooser *chooser, struct call *call) {
  static const int FLAGS[] = {
      MREMAP_MAYMOVE | MREMAP_FIXED,
      MREMAP_MAYMOVE | MREMAP_FIXED,
      MREMAP_MAYMOVE | MREMAP_FIXED,
      MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
      0,
      MREMAP_MAYMOVE,
  };
  call->op = OP_MREMAP;
  misalign(chooser, call);
  call->new_len = call->len;
  if (once_in(chooser, 4)) call->new_len = (1 + below(chooser, 3)) * HUGE_BYTES;
  if (once_in(chooser, 12)) call->new_len -= PAGE_BYTES;
  call->flags = ONE_OF(chooser, FLAGS);
  if (once_in(chooser, 24)) call->len = 0;
  if (call->flags & MREMAP_FIXED) {
    call->new_addr = huge_in(chooser, huge_span(chooser) + MOVE_HUGE);
    if (once_in(chooser, 16)) call->new_addr += PAGE_BYTES;
  } else if (call->new_len > call->len) {
    call->flags = 0;
  }
}

static void choose_madvise(struct chooser *chooser, struct call *call) {
  call->op = OP_MADVISE;
  call->advice = ONE_OF(chooser, ADVICE);
  misalign(chooser, call);
}

static void choose_lock(struct chooser *chooser, struct call *call) {
  call->op = once_in(chooser, 2) ? OP_MLOCK : OP_MUNLOCK;
  misalign(chooser, call);
}

static void choose_mincore(struct chooser *chooser, struct call *call) {
  call->op = OP_MINCORE;
  misalign(chooser, call);
}

static void choose_msync(struct chooser *chooser, struct call *call) {
  static const int FLAGS[] = {MS_ASYNC, MS_SYNC, MS_SYNC | MS_INVALIDATE};
  call->op = OP_MSYNC;
  call->flags = ONE_OF(chooser, FLAGS);
  misalign(chooser, call);
}

static void choose_access(struct chooser *chooser, struct call *call) {
  call->op = once_in(chooser, 3) ? OP_READ : OP_WRITE;
  call->addr += below(chooser, HUGE_BYTES);
  if (call->op == OP_WRITE) call->byte = (int)below(chooser, 256);
}

static const struct kind KINDS[] = {
    {14, choose_mmap},  {7, choose_munmap}, {9, choose_mprotect}, {11, choose_madvise},
    {2, choose_lock},   {3, choose_mincore}, {1, choose_msync},   {42, choose_access},
    {7, choose_mremap},
};

#define LIFE_WEIGHT 4
#define KINDS_WEIGHT 96
/**
 * The kernel never gives back what was promised to the rest of an area of which a part has moved:
 * nothing moves where a pool is to run out, or it would shrink from recording to recording.
 */
#define TIGHT_WEIGHT 89

void choose_huge(struct chooser *chooser, const struct census *census, struct call *call) {
  call->addr = huge_in(chooser, huge_span(chooser));
  call->len = (1 + below(chooser, 3)) * HUGE_BYTES;
  uint64_t kinds = chooser->profile->is_tight ? TIGHT_WEIGHT : KINDS_WEIGHT;
  uint64_t ticket = below(chooser, LIFE_WEIGHT + kinds);
  if (ticket < LIFE_WEIGHT) choose_life(chooser, census, call);
  else choose_of_kind(KINDS, chooser, ticket - LIFE_WEIGHT, call);
}
