// What a page's bytes are, as one number: to tell whether they have changed.

import { frameAddress } from "../frame/frame";

const MULTIPLIER: u64 = 0x9e3779b97f4a7c15;
/** Bits of a hash that an f64 holds exactly. */
const HASH_BITS: u64 = 52;

/** 0 for a page of zeros, and for no other one but by chance; below 2 ** 52. */
export function pageHash(pfn: u32): u64 {
  const first = frameAddress(pfn);
  let hash: u64 = 0;
  for (let at = first; at < first + 4096; at += 8) {
    hash = rotl<u64>((hash ^ load<u64>(at)) * MULTIPLIER, 23);
  }
  return hash >> (64 - HASH_BITS);
}
