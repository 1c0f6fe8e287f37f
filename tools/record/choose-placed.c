// Calls whose addresses the kernel chooses, and calls on what it chose.
//
// What is remembered may have gone since, or have been moved by another process: then a call finds
// a hole, which is as good.

#include <sys/mman.h>

#include "draw.h"
#include "files.h"

#define HINT_SKEW 0x7b
#define BREAK_PAGES_MAX 192
/** How much of a length may be missing to the page's end. */
#define LENGTH_SKEW 7

/** Around 2 MiB, where the kernel begins to align, and small ones. */
static const uint64_t LENGTHS[] = {
    0x1000,     0x1000,  0x2000,     0x3000,     0x4000,   0x5000,     0x8000,     0x10000,
    0x21000,    0x40000, HUGE_BYTES, HUGE_BYTES, 0x201000, 0x1ff000,   0x258000,   0x400000,
    2 * HUGE_BYTES,      0x800000,
};

static uint64_t length_of(struct chooser *chooser) {
  uint64_t length = ONE_OF(chooser, LENGTHS);
  return once_in(chooser, 4) ? length - LENGTH_SKEW : length;
}

static struct placed anywhere(struct chooser *chooser) {
  struct arena arena = chooser->profile->arena;
  uint64_t pages = (arena.end - arena.start) / PAGE_BYTES;
  uint64_t addr = arena.start + below(chooser, pages) * PAGE_BYTES;
  return (struct placed){.addr = addr, .len = PAGE_BYTES};
}

/** Something that was there, most likely one of the last. */
static struct placed one_placed(struct chooser *chooser) {
  if (chooser->placed_count == 0 || once_in(chooser, 24)) return anywhere(chooser);
  return chooser->placed[below(chooser, (uint64_t)chooser->placed_count)];
}

static uint64_t page_of(struct chooser *chooser, struct placed placed) {
  uint64_t pages = (placed.len + PAGE_BYTES - 1) / PAGE_BYTES;
  // Small areas and the edges of large ones are where something happens.
  uint64_t page = below(chooser, pages < 8 || once_in(chooser, 2) ? pages : 8);
  return placed.addr + page * PAGE_BYTES;
}

static void place_mmap(struct chooser *chooser, struct call *call) {
  static const int PROTS[] = {PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
                              PROT_READ | PROT_WRITE, PROT_NONE, PROT_READ};
  call->op = OP_MMAP;
  call->len = length_of(chooser);
  call->prot = ONE_OF(chooser, PROTS);
  call->flags = MAP_PRIVATE | MAP_ANONYMOUS;
  uint64_t kind = below(chooser, 20);
  if (kind < 5) {
    call->flags = once_in(chooser, 2) ? MAP_SHARED : MAP_PRIVATE;
    call->file = (int)below(chooser, FILES);
    static const uint64_t OFFSETS[] = {0, 0, 0x1000, 0x3000, HUGE_BYTES};
    call->off = ONE_OF(chooser, OFFSETS);
  } else if (kind < 6) {
    call->flags |= MAP_32BIT;
  } else if (kind < 7) {
    call->flags |= MAP_STACK;
  } else if (kind < 8) {
    call->flags = MAP_SHARED | MAP_ANONYMOUS;
  }
  kind = below(chooser, 10);
  if (kind < 6) return;
  // A hint, or a demand; one that is taken, as a rule.
  struct placed near = once_in(chooser, 3) ? anywhere(chooser) : one_placed(chooser);
  call->addr = page_of(chooser, near);
  if (once_in(chooser, 3)) call->addr = near.addr + near.len + below(chooser, 3) * PAGE_BYTES;
  if (kind < 8) call->addr += once_in(chooser, 6) ? HINT_SKEW : 0;
  else call->flags |= once_in(chooser, 4) ? MAP_FIXED : MAP_FIXED_NOREPLACE;
  if (call->flags & MAP_FIXED) {
    struct arena arena = chooser->profile->arena;
    call->addr &= ~(PAGE_BYTES - 1);
    uint64_t end = call->addr + call->len;
    if (call->addr < arena.start || end > arena.end) call->flags &= ~MAP_FIXED;
  }
}

static void place_mremap(struct chooser *chooser, struct call *call) {
  struct placed placed = one_placed(chooser);
  call->op = OP_MREMAP;
  call->addr = once_in(chooser, 2) ? placed.addr : page_of(chooser, placed);
  call->len = once_in(chooser, 3) ? placed.len : PAGE_BYTES * (1 + below(chooser, 3));
  call->new_len = call->len;
  uint64_t kind = below(chooser, 6);
  if (kind < 3) call->new_len += PAGE_BYTES * (1 + below(chooser, 24));
  else if (kind == 3) call->new_len = call->len / 2 + 1;
  else if (kind == 4) call->new_len = call->len * 2;
  call->flags = once_in(chooser, 3) ? 0 : MREMAP_MAYMOVE;
  if (once_in(chooser, 12)) {
    call->flags = MREMAP_MAYMOVE | MREMAP_DONTUNMAP;
    call->new_len = call->len;
  }
}

static void place_break(struct chooser *chooser, struct call *call) {
  call->op = OP_BRK;
  if (once_in(chooser, 5)) return;
  // Never below the first one: the worker's own data is there.
  call->addr = chooser->first_break + below(chooser, BREAK_PAGES_MAX) * PAGE_BYTES;
  if (once_in(chooser, 3)) call->addr += below(chooser, PAGE_BYTES);
}

static void place_span(struct chooser *chooser, struct call *call, enum operation op) {
  static const int PROTS[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE};
  static const int ADVICE[] = {MADV_DONTNEED, MADV_FREE,   MADV_NORMAL,       MADV_POPULATE_READ,
                               MADV_WILLNEED, MADV_RANDOM, MADV_POPULATE_WRITE};
  struct placed placed = one_placed(chooser);
  call->op = op;
  call->addr = page_of(chooser, placed);
  call->len = PAGE_BYTES * (1 + below(chooser, 3));
  if (once_in(chooser, 12)) {
    call->addr = placed.addr;
    call->len = placed.len;
  }
  uint64_t left = chooser->profile->arena.end - call->addr;
  if (call->len > left) call->len = left;
  if (op == OP_MPROTECT) call->prot = ONE_OF(chooser, PROTS);
  if (op == OP_MADVISE) call->advice = ONE_OF(chooser, ADVICE);
}

static void place_access(struct chooser *chooser, struct call *call, enum operation op) {
  call->op = op;
  call->addr = page_of(chooser, one_placed(chooser));
  call->addr += below(chooser, PAGE_BYTES);
  if (op == OP_WRITE) call->byte = (int)below(chooser, 256);
}

void choose_placed(struct chooser *chooser, struct call *call) {
  uint64_t ticket = below(chooser, 100);
  call->addr = 0;
  call->len = 0;
  if (ticket < 30) place_mmap(chooser, call);
  else if (ticket < 39) place_span(chooser, call, OP_MUNMAP);
  else if (ticket < 47) place_mremap(chooser, call);
  else if (ticket < 54) place_span(chooser, call, OP_MPROTECT);
  else if (ticket < 59) place_span(chooser, call, OP_MADVISE);
  else if (ticket < 62) place_break(chooser, call);
  else if (ticket < 72) place_access(chooser, call, OP_READ);
  else place_access(chooser, call, OP_WRITE);
}

void note_answer(struct chooser *chooser, const struct call *call, const struct reply *reply) {
  if (call->op != OP_MMAP && call->op != OP_MREMAP) return;
  struct arena arena = chooser->profile->arena;
  uint64_t addr = (uint64_t)reply->ret;
  if (reply->error != 0 || addr < arena.start || addr >= arena.end) return;
  uint64_t len = call->op == OP_MMAP ? call->len : call->new_len;
  int at = chooser->placed_count;
  if (at < PLACED_MAX) chooser->placed_count++;
  else at = (int)below(chooser, PLACED_MAX);
  len = (len + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
  chooser->placed[at] = (struct placed){.addr = addr, .len = len};
}
