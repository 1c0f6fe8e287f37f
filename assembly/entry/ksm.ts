// The calls that merge equal pages, as the shell makes them.

import { PG, ResultField } from "../abi";
import { flagCount } from "../frame/flag-range";
import { flagNext } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { frameCount } from "../mem/layout";
import { resultSet, resultSet64 } from "../mem/result";
import { settled } from "../op/machine";
import { pageMerge } from "../op/merge-page";
import { fullScans, mergeScan } from "../op/merge-scan";

/** Goes on with the pass for at most `limit` pages: a MergeScan. */
export function mergeScanEntry(limit: u32): i32 {
  return mergeScan(limit);
}

export function pageMergeEntry(pfn: u32, into: u32): i32 {
  return settled(pageMerge(pfn, into));
}

/** Count = merged pages, Pfn = places that they serve beyond one each, Value = passes made. */
export function mergeStateEntry(): i32 {
  const shared = flagCount(PG.ksm, 0, frameCount);
  let places: u32 = 0;
  for (let pfn = flagNext(PG.ksm, 0, frameCount); pfn < frameCount; ) {
    places += frameOf(pfn).mapcount;
    pfn = flagNext(PG.ksm, pfn + 1, frameCount);
  }
  resultSet(ResultField.Count, shared);
  resultSet(ResultField.Pfn, places - shared);
  resultSet64(ResultField.ValueLo, fullScans);
  return 0;
}
