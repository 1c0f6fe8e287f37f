// Pinning a page (as Linux mm/gup.c pin_user_pages with FOLL_LONGTERM): it is faulted in, made this
// mm's alone where it is private, and then stays in its frame until it is unpinned.
//
//   page                              pinned to be read          pinned to be written
//   private, nobody else's            as it is                   as a write leaves it
//   private, shared by copy on write  its own copy, W clear      its own copy
//   the zero page, a file's page      its own copy, W clear      its own copy
//   shared memory                     as it is                   as a write leaves it
//
// Own copies replace a page: who holds it is told first, as before a COW break.

import { Access, PG, ResultField, Status, VM_IO, VM_PFNMAP } from "../abi";
import { flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { isHuge } from "../map/huge";
import { Mm, mmOf } from "../map/mm";
import { framePin, frameUnpin } from "../map/pin";
import { ptePfn, S } from "../map/pte";
import { frameDirty, isLastOwner } from "../map/rmap";
import { pteGet } from "../map/table";
import { isShared, Vma } from "../map/vma";
import { vmaLookup } from "../map/vma-tree";
import { frameCount } from "../mem/layout";
import { resultSet } from "../mem/result";
import { checkFrozen } from "../plan/ticket";
import { access, unshare } from "./fault";

/** What a fault that failed is to who pins: any signal is EFAULT. */
function errnoOf(status: i32): i32 {
  return status <= <i32>Status.SEGV_MAPERR ? Status.EFAULT : status;
}

/** What a driver has mapped has no page that could be pinned. */
function isDevice(vma: Vma, pte: u64): bool {
  return (vma.flags & (VM_IO | VM_PFNMAP)) != 0 || ((pte & S) != 0 && ptePfn(pte) != 0);
}

function isExclusive(vma: Vma, pte: u64): bool {
  return isShared(vma) || (!(pte & S) && isLastOwner(ptePfn(pte)));
}

/**
 * Pins the page at `address` of `mm`: Pfn = its frame.
 * @returns Ok; EFAULT where it can not be accessed so; a ticket, EAGAIN, NEED_IO: to ask again when
 *   that is settled; ENOMEM; EOVERFLOW for one pin too many of a frame; EOPNOTSUPP
 *   of a huge page.
 */
export function pagePin(mm: Mm, address: u64, write: bool): i32 {
  const page = address & ~(<u64>4095);
  const frozen = checkFrozen(mm, page, page + 4096);
  if (frozen) return frozen;
  const status = access(mm, page, write ? Access.Write : Access.Read);
  if (status) return errnoOf(status);
  const vma = changetype<Vma>(vmaLookup(mm, page));
  if (isHuge(vma)) return Status.EOPNOTSUPP;
  if (isDevice(vma, pteGet(mm, page))) return Status.EFAULT;
  if (!isExclusive(vma, pteGet(mm, page))) {
    const copied = unshare(mm, vma, page);
    if (copied) return copied;
  }
  const pfn = ptePfn(pteGet(mm, page));
  if (frameOf(pfn).pins == u16.MAX_VALUE) return Status.EOVERFLOW;
  framePin(mm, pfn);
  resultSet(ResultField.Pfn, pfn);
  return Status.Ok;
}

/** Lets go of a frame that was pinned through an mm, alive or gone. `dirty`: it was written. */
export function pageUnpin(handle: u32, pfn: u32, dirty: bool): i32 {
  if (pfn >= frameCount || !flagTest(PG.pinned, pfn)) return Status.EINVAL;
  if (dirty && flagTest(PG.pagecache, pfn)) frameDirty(pfn);
  frameUnpin(mmOf(handle), pfn);
  return Status.Ok;
}
