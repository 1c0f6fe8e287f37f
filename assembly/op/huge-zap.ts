// Taking a huge page's entry away (as Linux mm/hugetlb.c, __unmap_hugepage_range).

import { PG, PTE_EXPORTED } from "../abi";
import { flagTest } from "../frame/flags";
import { hugePfn, hugeUnmap } from "../map/huge";
import { promiseAgain } from "../map/huge-reserve";
import { entryCleared } from "../map/huge-table";
import { Mm } from "../map/mm";
import { D, H } from "../map/pte";
import { frameDirty } from "../map/rmap";
import { pmdSlot, pteSet } from "../map/table";
import { Vma } from "../map/vma";
import { vmaLookup } from "../map/vma-tree";
import { CHECK } from "../mem/assert";

/**
 * Clears the entry at `address` where a huge page is; its owner is promised a page again. The
 * caller trims. Precondition: no record names a part of it.
 */
export function hugeZap(mm: Mm, address: u64): void {
  const slot = pmdSlot(mm, address);
  const entry = load<u64>(slot);
  if (!(entry & H)) return;
  if (CHECK) assert(!(entry & <u64>PTE_EXPORTED), "E2: an exported huge page is zapped");
  const head = hugePfn(entry);
  const isAnon = flagTest(PG.anon, head);
  if (entry & D && !isAnon) frameDirty(head);
  pteSet(slot, 0);
  entryCleared(mm, slot, address);
  if (isAnon) promiseAgain(changetype<Vma>(vmaLookup(mm, address)), head);
  hugeUnmap(head);
}

/** The same, of a page of a file only: a private copy stays. */
export function hugeZapFile(mm: Mm, address: u64): void {
  const entry = load<u64>(pmdSlot(mm, address));
  if (entry & H && !flagTest(PG.anon, hugePfn(entry))) hugeZap(mm, address);
}
