// Growth of a stack area by a fault below it (as Linux mm/vma.c expand_downwards).

import {
  STACK_GUARD_PAGES,
  STACK_LIMIT_BYTES,
  Status,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_READ,
  VM_WRITE,
} from "../abi";
import { anonVmaPrepare } from "../map/anon-vma";
import { vmaResize } from "../map/merge";
import { Mm } from "../map/mm";
import { Vma } from "../map/vma";
import { MMAP_MIN } from "../plan/placement";
import { checkFrozen } from "../plan/ticket";
import { canCommit } from "./commit-limit";

const ACCESS: u32 = VM_READ | VM_WRITE | VM_EXEC;

/** Is the guard gap between the page and the area below it kept? */
function keepsGap(vma: Vma, page: u64): bool {
  if (!vma.prev) return true;
  const prev = changetype<Vma>(vma.prev);
  if (prev.flags & VM_GROWSDOWN || !(prev.flags & ACCESS)) return true;
  return page - prev.end >= (<u64>STACK_GUARD_PAGES) << 12;
}

/**
 * Lowers the start of `vma`, the first area above `address`, to its page.
 * @returns Ok; SEGV_MAPERR where Linux refuses; EAGAIN when frozen; ENOMEM.
 */
export function stackGrow(mm: Mm, vma: Vma, address: u64): i32 {
  if (!(vma.flags & VM_GROWSDOWN)) return Status.SEGV_MAPERR;
  const page = address & ~(<u64>4095);
  const pages = (vma.start - page) >> 12;
  if (page < MMAP_MIN || !keepsGap(vma, page)) return Status.SEGV_MAPERR;
  const frozen = checkFrozen(mm, page, vma.start);
  if (frozen) return frozen;
  // Before the limits, as Linux has it: an area that may not grow has an anon_vma all the same.
  if (!anonVmaPrepare(vma)) return Status.ENOMEM;
  if (vma.end - page > STACK_LIMIT_BYTES || pages > vma.pgoff) return Status.SEGV_MAPERR;
  if (!canCommit(pages)) return Status.SEGV_MAPERR;
  vmaResize(vma, page, vma.end, vma.pgoff - pages);
  return Status.Ok;
}
