// Ranges of addresses in order: what of some is not in others.

import type { AddressRange } from "../plan.ts";

/** Ranges of flat pairs: start and end in turn. */
export function rangesOf(pairs: ArrayLike<number>): AddressRange[] {
  const count = pairs.length / 2;
  return Array.from({ length: count }, (_, index) => ({
    start: pairs[2 * index] ?? 0,
    end: pairs[2 * index + 1] ?? 0,
  }));
}

/** Neighbours made one. */
export function joined(ranges: Iterable<AddressRange>): AddressRange[] {
  const list: { start: number; end: number }[] = [];
  for (const { start, end } of ranges) {
    const last = list.at(-1);
    if (last !== undefined && last.end === start) last.end = end;
    else list.push({ start, end });
  }
  return list;
}

/** The parts of `ranges` outside `others`; both in order, without overlap. */
export function* outside(
  ranges: Iterable<AddressRange>,
  others: readonly AddressRange[],
): Generator<AddressRange, void, void> {
  let first = 0;
  for (const { start, end } of ranges) {
    while ((others[first]?.end ?? Number.POSITIVE_INFINITY) <= start) first++;
    let at = start;
    for (let index = first; at < end; index++) {
      const other = others[index];
      if (other === undefined || other.start >= end) break;
      if (other.start > at) yield { start: at, end: other.start };
      at = Math.max(at, other.end);
    }
    if (at < end) yield { start: at, end };
  }
}
