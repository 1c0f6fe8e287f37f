// Which operation comes next: weights for the kinds, and for each kind what is interesting of it.
//
// Every function draws in a fixed order, one draw a statement (random.h).

#include "draw.h"

#include <sys/mman.h>

#include "files.h"

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

/** A move may end this much behind the span. */
#define MOVE_PAGES 20
#define GROWN_PAGES_MAX 12
#define SHORT_PAGES 6
/** A mapping may begin behind the end of its file. */
#define FILE_OFFSET_PAGES 44
#define NEAR_OFFSET_PAGES 6

static const int READ_WRITE = PROT_READ | PROT_WRITE;

/** MADV_REMOVE and MADV_PAGEOUT are not here: they need files in memory, and swap. */
static const int ADVICE[] = {
    MADV_NORMAL,        MADV_RANDOM,         MADV_SEQUENTIAL,   MADV_WILLNEED,
    MADV_DONTNEED,      MADV_DONTNEED,       MADV_DONTNEED,     MADV_FREE,
    MADV_FREE,          MADV_DONTFORK,       MADV_DOFORK,       MADV_WIPEONFORK,
    MADV_KEEPONFORK,    MADV_COLD,           MADV_POPULATE_READ, MADV_POPULATE_WRITE,
    MADV_DONTNEED_LOCKED, MADV_NOHUGEPAGE,   MADV_DONTDUMP,     MADV_DODUMP,
};

static const int RARE_ADVICE[] = {MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_MERGEABLE, MADV_UNMERGEABLE};

static const int RARE_FLAGS[] = {MAP_GROWSDOWN, MAP_NONBLOCK, MAP_NONBLOCK | MAP_POPULATE,
                                 MAP_DENYWRITE, MAP_LOCKED | MAP_GROWSDOWN};

static uint64_t page_in(struct chooser *chooser, uint64_t pages) {
  return chooser->profile->arena.start + below(chooser, pages) * PAGE_BYTES;
}

static void choose_mmap(struct chooser *chooser, struct call *call) {
  call->op = OP_MMAP;
  call->prot = once_in(chooser, 3) ? (int)below(chooser, 8) : READ_WRITE;
  bool replaces = !once_in(chooser, 8);
  bool is_shared = chooser->profile->has_forks && once_in(chooser, 6);
  call->flags = MAP_ANONYMOUS | (replaces ? MAP_FIXED : MAP_FIXED_NOREPLACE);
  call->flags |= is_shared ? MAP_SHARED : MAP_PRIVATE;
  if (once_in(chooser, 12)) call->flags |= MAP_NORESERVE;
  if (once_in(chooser, 14)) call->flags |= MAP_STACK;
  if (once_in(chooser, 16)) call->flags |= MAP_LOCKED;
  if (once_in(chooser, 16)) call->flags |= MAP_POPULATE;
  if (chooser->profile->has_rarities && once_in(chooser, 12)) {
    call->flags |= ONE_OF(chooser, RARE_FLAGS);
  }
  if (!chooser->profile->has_files || once_in(chooser, 2)) return;
  call->flags &= ~MAP_ANONYMOUS;
  call->file = (int)below(chooser, FILES);
  uint64_t pages = once_in(chooser, 2) ? NEAR_OFFSET_PAGES : FILE_OFFSET_PAGES;
  call->off = below(chooser, pages) * PAGE_BYTES;
}

static void choose_munmap(struct chooser *chooser, struct call *call) {
  (void)chooser;
  call->op = OP_MUNMAP;
}

static void choose_mprotect(struct chooser *chooser, struct call *call) {
  call->op = OP_MPROTECT;
  call->prot = READ_WRITE;
  if (once_in(chooser, 2)) call->prot = once_in(chooser, 2) ? (int)below(chooser, 8) : PROT_READ;
}

/**
 * Only moves whose target the recording decides: without MREMAP_FIXED an area that grows may go
 * where the kernel likes, outside the arena.
 */
static void choose_mremap(struct chooser *chooser, struct call *call) {
  static const int FLAGS[] = {
      MREMAP_MAYMOVE | MREMAP_FIXED,
      MREMAP_MAYMOVE | MREMAP_FIXED,
      MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
      0,
      MREMAP_MAYMOVE,
  };
  call->op = OP_MREMAP;
  call->new_len = call->len;
  if (once_in(chooser, 2)) call->new_len = (1 + below(chooser, GROWN_PAGES_MAX)) * PAGE_BYTES;
  call->flags = ONE_OF(chooser, FLAGS);
  if (call->flags & MREMAP_DONTUNMAP) call->new_len = call->len;
  if (once_in(chooser, 20)) call->len = 0;
  if (call->flags & MREMAP_FIXED) {
    call->new_addr = page_in(chooser, chooser->span_pages + MOVE_PAGES);
  } else if (call->new_len > call->len) {
    call->flags = 0;
  }
}

static void choose_madvise(struct chooser *chooser, struct call *call) {
  call->op = OP_MADVISE;
  call->advice = ONE_OF(chooser, ADVICE);
  if (chooser->profile->has_removal && once_in(chooser, 4)) call->advice = MADV_REMOVE;
  if (chooser->profile->has_swap && once_in(chooser, 3)) call->advice = MADV_PAGEOUT;
  if (chooser->profile->has_rarities && once_in(chooser, 8)) {
    call->advice = ONE_OF(chooser, RARE_ADVICE);
  }
}

static void choose_lock(struct chooser *chooser, struct call *call) {
  call->op = once_in(chooser, 2) ? OP_MLOCK : OP_MUNLOCK;
}

static void choose_mincore(struct chooser *chooser, struct call *call) {
  (void)chooser;
  call->op = OP_MINCORE;
}

static void choose_msync(struct chooser *chooser, struct call *call) {
  static const int FLAGS[] = {MS_ASYNC, MS_SYNC, MS_SYNC | MS_INVALIDATE};
  call->op = OP_MSYNC;
  call->flags = ONE_OF(chooser, FLAGS);
}

static void choose_read(struct chooser *chooser, struct call *call) {
  call->op = OP_READ;
  call->addr += below(chooser, PAGE_BYTES);
}

static void choose_write(struct chooser *chooser, struct call *call) {
  call->op = OP_WRITE;
  call->addr += below(chooser, PAGE_BYTES);
  call->byte = (int)below(chooser, 256);
}

void choose_life(struct chooser *chooser, const struct census *census, struct call *call) {
  bool forks = once_in(chooser, 2);
  if (forks && census->live < LIVE_MAX) {
    call->op = OP_FORK;
  } else if (!census->is_first) {
    call->op = OP_EXIT;
  } else {
    choose_read(chooser, call);
  }
}

static const struct kind KINDS[] = {
    {14, choose_mmap}, {6, choose_munmap},  {12, choose_mprotect}, {8, choose_mremap},
    {10, choose_madvise}, {4, choose_lock}, {1, choose_mincore},   {1, choose_msync},
    {11, choose_read}, {30, choose_write},
};

#define KINDS_WEIGHT 97
#define LIFE_WEIGHT 3
#define FILE_WEIGHT 7

void choose_of_kind(const struct kind *kinds, struct chooser *chooser, uint64_t ticket,
                    struct call *call) {
  const struct kind *kind = kinds;
  for (; ticket >= kind->weight; kind++) ticket -= kind->weight;
  kind->choose(chooser, call);
}

/** Drawn in every profile alike, so that profiles of one seed resemble each other. */
static void choose_in_arena(struct chooser *chooser, const struct census *census,
                            struct call *call) {
  call->addr = page_in(chooser, chooser->span_pages);
  uint64_t longest = once_in(chooser, 4) ? CALL_PAGES_MAX : SHORT_PAGES;
  call->len = (1 + below(chooser, longest)) * PAGE_BYTES;
  uint64_t life = chooser->profile->has_forks ? LIFE_WEIGHT : 0;
  uint64_t file = chooser->profile->has_files ? FILE_WEIGHT : 0;
  uint64_t ticket = below(chooser, life + file + KINDS_WEIGHT);
  if (ticket < life) {
    choose_life(chooser, census, call);
  } else if (ticket < life + file) {
    choose_file(chooser, call);
  } else {
    choose_of_kind(KINDS, chooser, ticket - life - file, call);
  }
  bool is_wrong = chooser->profile->has_errors && once_in(chooser, 4);
  if (is_wrong) choose_fault_of(chooser, call);
}

static struct call blank_call(void) {
  return (struct call){.file = NO_FILE};
}

struct call next_call(struct chooser *chooser, const struct census *census) {
  struct call call = blank_call();
  if (chooser->profile->pool > 0) {
    choose_huge(chooser, census, &call);
  } else if (!chooser->profile->is_placed) {
    choose_in_arena(chooser, census, &call);
  } else if (once_in(chooser, 50)) {
    choose_life(chooser, census, &call);
  } else {
    choose_placed(chooser, &call);
  }
  return call;
}

struct call first_call(const struct chooser *chooser) {
  struct call call = blank_call();
  call.op = OP_MMAP;
  call.addr = chooser->profile->arena.start;
  call.len = chooser->span_pages * PAGE_BYTES;
  call.prot = READ_WRITE;
  call.flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS;
  if (chooser->profile->pool > 0) {
    call.len = huge_span(chooser) * HUGE_BYTES;
    call.flags |= MAP_HUGETLB;
  }
  return call;
}
