// Numbers for physical frames inside one snapshot: 0, 1, 2, … in the order they are met.

#ifndef RECORD_FRAMES_H
#define RECORD_FRAMES_H

#include <stdint.h>

/** Forgets all of them: a new snapshot begins. */
void frames_clear(void);

/** The number of the frame; equal for equal frames since `frames_clear`. */
uint32_t frame_number(uint64_t pfn);

#endif
