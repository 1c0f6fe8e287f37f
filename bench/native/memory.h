// What the engine does, in C: areas, four levels of page tables, frames that are counted and
// zeroed, copy on write. Not what it has besides: a notifier, tickets, the reverse map, accounting.

#pragma once

#include <stdint.h>

#include "harness.h"

typedef struct space space;

enum { CAN_READ = 1, CAN_WRITE = 2 };

/** Physical memory of so many frames, touched beforehand. */
void memory_init(long frames);

space *space_new(void);
/** The address; placed from the top down. 0 when there is no room. */
uint64_t space_map(space *, long pages, int prot);
void space_unmap(space *, uint64_t start, long pages);
void space_protect(space *, uint64_t start, long pages, int prot);
void space_store(space *, uint64_t address, uint8_t byte);
/** Makes every page of the range present and writable. */
void space_populate(space *, uint64_t start, long pages);
/** How many of the pages are present. */
long space_translate(space *, uint64_t start, long pages);
/** The bytes of a page that is present, or NULL. */
const uint8_t *space_page(space *, uint64_t address);
space *space_fork(space *);
void space_exit(space *);

/** Adds a region to the outcome, as bench/outcome.ts does. */
void space_outcome(space *, uint64_t start, long pages);
