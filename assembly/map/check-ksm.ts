// The checker of merged pages: nodes and their frames, and the records that they are made of.
//
// Written by: nobody. Read by: check.ts; check-table.ts has the ptes.

import { PG } from "../abi";
import { flagCount } from "../frame/flag-range";
import { flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { poolUsed } from "../frame/pool";
import { frameCount } from "../mem/layout";
import { MAPPING_ANON, MAPPING_KSM } from "./anon-vma";
import { checksumOf, KSM_BUCKETS, KsmItem, KsmNode, ksmBucket, ksmPool } from "./ksm";

/** Numbers of broken invariants of merged pages. */
export const enum KsmInvariant {
  None = 0,
  /** X1: a node without its page, a page without its node, or a record that is neither's. */
  Node = 461,
  /** X2: a merged page that may be written, or in an area that does not merge. */
  Pte = 462,
  /** X3: a merged page whose bytes have changed. */
  Bytes = 463,
}

/** @returns the number of the first invariant of merged pages (X1, X3) that does not hold, or 0. */
export function checkKsm(): u32 {
  let nodes: u32 = 0;
  let items: u32 = 0;
  for (let bucket: u32 = 0; bucket < KSM_BUCKETS; bucket++) {
    for (let at = load<usize>(ksmBucket(bucket)); at; at = changetype<KsmNode>(at).next) {
      const node = changetype<KsmNode>(at);
      if (!isNamed(node) || ksmBucket(node.checksum) != ksmBucket(bucket)) return KsmInvariant.Node;
      if (checksumOf(node.pfn) != node.checksum) return KsmInvariant.Bytes;
      nodes += 1;
      let own: u32 = 0;
      for (let i = node.items; i; i = changetype<KsmItem>(i).next) own += 1;
      if (own != node.count) return KsmInvariant.Node;
      items += own;
    }
  }
  const isWhole = nodes + items == poolUsed(ksmPool) && nodes == flagCount(PG.ksm, 0, frameCount);
  return isWhole ? KsmInvariant.None : KsmInvariant.Node;
}

/** Whether the page of a node is merged, anonymous, and names it. */
function isNamed(node: KsmNode): bool {
  const pfn = node.pfn;
  if (!pfn || pfn >= frameCount || !flagTest(PG.ksm, pfn) || !flagTest(PG.anon, pfn)) return false;
  return frameOf(pfn).mapping == (changetype<usize>(node) | MAPPING_ANON | MAPPING_KSM);
}
