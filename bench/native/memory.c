#include "memory.h"

#include <stdlib.h>
#include <string.h>

// A page table entry, and an entry of the three levels above it: a frame and its rights.
//
//   63                                12 11      2 1 0
//  ┌────────────────────────────────────┬─────────┬─┬─┐
//  │                frame               │    0    │W│P│
//  └────────────────────────────────────┴─────────┴─┴─┘
enum { PRESENT = 1, WRITABLE = 2, ENTRIES = 512, LEVELS = 4, SPLIT = 9, FRAME_SHIFT = 12 };
enum { AREAS_MAX = 64 };

static const uint64_t TOP = 0x7ffffffff000;
static const uint64_t LEAF_BYTES = ENTRIES * PAGE;

struct area {
  uint64_t start, end;
  int prot;
};

struct space {
  uint64_t *root;
  long resident;
  int count;
  struct area areas[AREAS_MAX];
};

static uint8_t *bytes;       // of all frames
static uint32_t *users;      // of each frame
static uint32_t *free_stack; // what was freed last is used first
static long free_count;

void memory_init(long frames) {
  bytes = aligned_alloc(PAGE, (size_t)frames * PAGE);
  users = calloc((size_t)frames, sizeof *users);
  free_stack = malloc((size_t)frames * sizeof *free_stack);
  must(bytes != NULL && users != NULL && free_stack != NULL, "memory");
  memset(bytes, 0, (size_t)frames * PAGE);
  for (long frame = frames - 1; frame > 0; frame--) free_stack[free_count++] = (uint32_t)frame;
}

static inline uint8_t *frame_bytes(uint64_t frame) { return bytes + frame * PAGE; }

static inline uint64_t frame_take(void) {
  must(free_count > 0, "frames");
  uint64_t frame = free_stack[--free_count];
  users[frame] = 1;
  return frame;
}

static inline void frame_drop(uint64_t frame) {
  if (--users[frame] == 0) free_stack[free_count++] = (uint32_t)frame;
}

// ---- page tables: in frames of their own

static uint64_t *table_new(uint64_t *entry) {
  uint64_t frame = frame_take();
  uint64_t *table = memset(frame_bytes(frame), 0, PAGE);
  if (entry != NULL) *entry = frame << FRAME_SHIFT | PRESENT | WRITABLE;
  return table;
}

static inline int index_at(uint64_t address, int level) {
  return (int)(address >> (FRAME_SHIFT + SPLIT * level)) & (ENTRIES - 1);
}

static inline uint64_t *below(uint64_t entry) {
  return (uint64_t *)frame_bytes(entry >> FRAME_SHIFT);
}

/** The leaf table of an address, or NULL. */
static inline uint64_t *leaf_of(const space *mm, uint64_t address) {
  uint64_t *table = mm->root;
  for (int level = LEVELS - 1; level > 0; level--) {
    uint64_t entry = table[index_at(address, level)];
    if (entry == 0) return NULL;
    table = below(entry);
  }
  return table;
}

static uint64_t *leaf_made(space *mm, uint64_t address) {
  uint64_t *table = mm->root;
  for (int level = LEVELS - 1; level > 0; level--) {
    uint64_t *entry = &table[index_at(address, level)];
    table = *entry != 0 ? below(*entry) : table_new(entry);
  }
  return table;
}

static inline uint64_t leaf_end(uint64_t address, uint64_t end) {
  uint64_t next = (address & ~(LEAF_BYTES - 1)) + LEAF_BYTES;
  return next < end ? next : end;
}

/** Drops tables that have become empty, from the leaf up. */
static void prune(space *mm, uint64_t address) {
  for (int height = 1; height < LEVELS; height++) {
    uint64_t *table = mm->root;
    for (int level = LEVELS - 1; level > height; level--)
      table = below(table[index_at(address, level)]);
    uint64_t *entry = &table[index_at(address, height)];
    uint64_t *child = below(*entry);
    for (int i = 0; i < ENTRIES; i++)
      if (child[i] != 0) return;
    frame_drop(*entry >> FRAME_SHIFT);
    *entry = 0;
  }
}

/** Entries are dropped from the top, so that the stack of free frames gives the lowest first. */
static void zap(space *mm, uint64_t start, uint64_t end) {
  while (end > start) {
    uint64_t from = (end - 1) & ~(LEAF_BYTES - 1);
    if (from < start) from = start;
    uint64_t *leaf = leaf_of(mm, from);
    if (leaf != NULL) {
      int first = index_at(from, 0);
      for (int i = first + (int)((end - from) / PAGE) - 1; i >= first; i--) {
        if (leaf[i] == 0) continue;
        frame_drop(leaf[i] >> FRAME_SHIFT);
        leaf[i] = 0;
        mm->resident--;
      }
      prune(mm, from);
    }
    end = from;
  }
}

// ---- areas, in order

/** Position of the first area that ends above an address. */
static int area_at(const space *mm, uint64_t address) {
  int low = 0, high = mm->count;
  while (low < high) {
    int middle = (low + high) / 2;
    if (mm->areas[middle].end > address) high = middle;
    else low = middle + 1;
  }
  return low;
}

static void area_insert(space *mm, int at, struct area area) {
  must(mm->count < AREAS_MAX, "areas");
  memmove(&mm->areas[at + 1], &mm->areas[at], (size_t)(mm->count - at) * sizeof area);
  mm->areas[at] = area;
  mm->count++;
}

static void area_remove(space *mm, int at, int count) {
  mm->count -= count;
  memmove(&mm->areas[at], &mm->areas[at + count], (size_t)(mm->count - at) * sizeof(struct area));
}

/** Makes an address the edge of an area, if one contains it. */
static void area_cut(space *mm, uint64_t address) {
  int at = area_at(mm, address);
  if (at == mm->count || mm->areas[at].start >= address) return;
  struct area upper = mm->areas[at];
  upper.start = address;
  mm->areas[at].end = address;
  area_insert(mm, at + 1, upper);
}

/** Joins an area with the next one where they are alike. */
static void area_join(space *mm, int at) {
  if (at < 0 || at + 1 >= mm->count) return;
  struct area *low = &mm->areas[at], *high = low + 1;
  if (low->end != high->start || low->prot != high->prot) return;
  low->end = high->end;
  area_remove(mm, at + 1, 1);
}

space *space_new(void) {
  space *mm = calloc(1, sizeof *mm);
  must(mm != NULL, "space");
  mm->root = table_new(NULL);
  return mm;
}

/** The highest gap, and whole 2 MiB at multiples of 2 MiB. */
uint64_t space_map(space *mm, long pages, int prot) {
  uint64_t size = (uint64_t)pages * PAGE, end = TOP;
  uint64_t align = size % LEAF_BYTES == 0 ? LEAF_BYTES : PAGE;
  int at = mm->count;
  while (at > 0 && ((end - size) & ~(align - 1)) < mm->areas[at - 1].end)
    end = mm->areas[--at].start;
  uint64_t start = (end - size) & ~(align - 1);
  area_insert(mm, at, (struct area){start, start + size, prot});
  area_join(mm, at);
  area_join(mm, at - 1);
  return start;
}

void space_unmap(space *mm, uint64_t start, long pages) {
  uint64_t end = start + (uint64_t)pages * PAGE;
  area_cut(mm, start);
  area_cut(mm, end);
  int first = area_at(mm, start), last = first;
  while (last < mm->count && mm->areas[last].start < end) last++;
  if (last == first) return;
  zap(mm, start, end);
  area_remove(mm, first, last - first);
}

static void protect_leaf(uint64_t *entries, long count, int is_writable) {
  if (!is_writable)
    for (long i = 0; i < count; i++) entries[i] &= ~(uint64_t)WRITABLE;
  else
    for (long i = 0; i < count; i++)
      if (entries[i] != 0 && users[entries[i] >> FRAME_SHIFT] == 1) entries[i] |= WRITABLE;
}

/** Of a range that lies in one area. */
void space_protect(space *mm, uint64_t start, long pages, int prot) {
  uint64_t end = start + (uint64_t)pages * PAGE;
  area_cut(mm, start);
  area_cut(mm, end);
  int at = area_at(mm, start);
  mm->areas[at].prot = prot;
  area_join(mm, at);
  area_join(mm, at - 1);
  for (uint64_t from = start; from < end; from = leaf_end(from, end)) {
    uint64_t *leaf = leaf_of(mm, from);
    if (leaf == NULL) continue;
    long count = (long)((leaf_end(from, end) - from) / PAGE);
    protect_leaf(leaf + index_at(from, 0), count, (prot & CAN_WRITE) != 0);
  }
}

// ---- faults

/** Makes an entry writable: a zeroed frame, the frame itself, or a copy of it. */
static void fault(space *mm, uint64_t *entry) {
  uint64_t frame = *entry >> FRAME_SHIFT;
  if (*entry == 0) {
    frame = frame_take();
    memset(frame_bytes(frame), 0, PAGE);
    mm->resident++;
  } else if (users[frame] > 1) {
    uint64_t made = frame_take();
    memcpy(frame_bytes(made), frame_bytes(frame), PAGE);
    frame_drop(frame);
    frame = made;
  }
  *entry = frame << FRAME_SHIFT | PRESENT | WRITABLE;
}

static int may_write(const space *mm, uint64_t address) {
  int at = area_at(mm, address);
  return at < mm->count && mm->areas[at].start <= address && mm->areas[at].prot & CAN_WRITE;
}

void space_store(space *mm, uint64_t address, uint8_t byte) {
  uint64_t *leaf = leaf_of(mm, address);
  if (leaf == NULL || !(leaf[index_at(address, 0)] & WRITABLE)) {
    must(may_write(mm, address), "SIGSEGV");
    leaf = leaf_made(mm, address);
    fault(mm, &leaf[index_at(address, 0)]);
  }
  frame_bytes(leaf[index_at(address, 0)] >> FRAME_SHIFT)[address % PAGE] = byte;
}

void space_populate(space *mm, uint64_t start, long pages) {
  must(may_write(mm, start), "SIGSEGV");
  uint64_t end = start + (uint64_t)pages * PAGE;
  for (uint64_t from = start; from < end; from = leaf_end(from, end)) {
    uint64_t *leaf = leaf_made(mm, from);
    for (uint64_t at = from; at < leaf_end(from, end); at += PAGE) {
      uint64_t *entry = &leaf[index_at(at, 0)];
      if (!(*entry & WRITABLE)) fault(mm, entry);
    }
  }
}

long space_translate(space *mm, uint64_t start, long pages) {
  long found = 0;
  for (long page = 0; page < pages; page++) {
    uint64_t address = start + (uint64_t)page * PAGE;
    uint64_t *leaf = leaf_of(mm, address);
    found += leaf != NULL && leaf[index_at(address, 0)] >> FRAME_SHIFT != 0;
  }
  return found;
}

const uint8_t *space_page(space *mm, uint64_t address) {
  uint64_t *leaf = leaf_of(mm, address);
  if (leaf == NULL || leaf[index_at(address, 0)] == 0) return NULL;
  return frame_bytes(leaf[index_at(address, 0)] >> FRAME_SHIFT);
}

// ---- fork and exit

static void share_leaf(space *child, uint64_t *from, uint64_t *to, long count) {
  for (long i = 0; i < count; i++) {
    if (from[i] == 0) continue;
    from[i] &= ~(uint64_t)WRITABLE;
    to[i] = from[i];
    users[from[i] >> FRAME_SHIFT]++;
    child->resident++;
  }
}

space *space_fork(space *parent) {
  space *child = space_new();
  child->count = parent->count;
  memcpy(child->areas, parent->areas, sizeof parent->areas);
  for (int at = 0; at < parent->count; at++) {
    uint64_t end = parent->areas[at].end;
    for (uint64_t from = parent->areas[at].start; from < end; from = leaf_end(from, end)) {
      uint64_t *leaf = leaf_of(parent, from);
      if (leaf == NULL) continue;
      long count = (long)((leaf_end(from, end) - from) / PAGE);
      int first = index_at(from, 0);
      share_leaf(child, leaf + first, leaf_made(child, from) + first, count);
    }
  }
  return child;
}

void space_exit(space *mm) {
  for (int at = 0; at < mm->count; at++) zap(mm, mm->areas[at].start, mm->areas[at].end);
  frame_drop((uint64_t)((uint8_t *)mm->root - bytes) / PAGE);
  free(mm);
}

void space_outcome(space *mm, uint64_t start, long pages) {
  uint64_t end = start + (uint64_t)pages * PAGE;
  for (int at = 0; at < mm->count; at++) {
    struct area area = mm->areas[at];
    if (area.end <= start || area.start >= end) continue;
    if (area.start < start) area.start = start;
    if (area.end > end) area.end = end;
    add((area.start - start) / PAGE);
    add((area.end - start) / PAGE);
    add((uint64_t)area.prot);
    for (uint64_t page = area.start; page < area.end; page += PAGE) {
      const uint8_t *found = space_page(mm, page);
      if (found == NULL) continue;
      add((page - start) / PAGE);
      for (size_t word = 0; word < PAGE; word += 4) add(*(const uint32_t *)(found + word));
    }
  }
}
