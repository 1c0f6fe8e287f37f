// Where a mapping would go, without making it.

import { ResultField, Status } from "../abi";
import { mmOf } from "../map/mm";
import { resultSet64 } from "../mem/result";
import { fileOf } from "../op/file";
import { pageAlign } from "../op/munmap";
import { placementFailed, placementFind } from "../plan/placement";

/** Ok with the address in Value; ENOMEM where there is no room, EINVAL for no length. */
export function placeEntry(
  handle: u32,
  hint: f64,
  length: f64,
  flags: i32,
  mapping: u32,
  offset: f64,
): i32 {
  const mm = mmOf(handle);
  if (!mm) return Status.ESRCH;
  const bytes = pageAlign(<u64>length);
  if (!bytes) return Status.EINVAL;
  const at = placementFind(mm, <u64>hint, bytes, fileOf(mapping), <u64>offset, flags);
  if (placementFailed(at)) return <i32>at;
  resultSet64(ResultField.ValueLo, at);
  return Status.Ok;
}
