// The seam to writeback: dirty pages of files that reclaim has passed over.

import type { Core } from "./core.ts";

/**
 * Begins to write out the dirty pages of files that have a backing, so that they are clean when
 * reclaim comes by again. Files have no backing yet, so there is never one.
 */
export function writeDirtyPages(_core: Core): void {}
