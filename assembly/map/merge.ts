// Splitting and merging areas exactly as Linux 6.18 does (mm/vma.c): what /proc/PID/maps shows.
//
// A proposal says what a range is going to be; `mergeNew` and `mergeExisting` fit it into its
// neighbours where they agree, `vmaTryModify` splits where they do not.
//
//   case of an existing area          before              after
//   both sides, whole            [prev][middle][next]     [prev              ]
//   left, whole                  [prev][middle][next]     [prev        ][next]
//   left, its beginning          [prev][mid|dle]          [prev    ][dle]
//   right, whole                 [prev][middle][next]     [prev][next        ]
//   right, its end               [mid|dle][next]          [mid][next     ]
//
// Precondition of all: what a split or a merge may take is reserved (plan/need.ts).

import { MAP_COUNT_MAX, VM_DONTEXPAND, VM_IO, VM_PFNMAP, Vmstat } from "../abi";
import { statAdd } from "../mem/vmstat";
import { chainClone, chainDrop, chainIsSingle, chainRehang, chainUnhang } from "./anon-vma";
import { isHuge } from "./huge";
import { promiseDivide, promiseDrop } from "./huge-reserve";
import { shareDrop, shareRehang, shareUnhang } from "./mapping";
import { Vma, vmaMm, vmaPages } from "./vma";
import { vmaDup, vmaLink } from "./vma-link";
import { vmaMove, vmaRemove } from "./vma-tree";

/** Areas that never merge. */
export const VM_SPECIAL: u32 = VM_IO | VM_DONTEXPAND | VM_PFNMAP;

// The proposal. Globals, as a struct would be in C: set by `propose`, read by the tests below.
let newStart: u64 = 0;
let newEnd: u64 = 0;
let newFlags: u32 = 0;
let newPgoff: u64 = 0;
let newMapping: usize = 0;
let newAnonVma: usize = 0;
/** Of the proposal: new memory counts as written, what is copied or grown as its source does. */
let newSoftDirty: u32 = 0;
/** Area that the pages come from: the middle one, or the one mremap copies; 0 for new memory. */
let newSource: usize = 0;

export function propose(start: u64, end: u64, flags: u32, pgoff: u64, mapping: usize): void {
  newStart = start;
  newEnd = end;
  newFlags = flags;
  newPgoff = pgoff;
  newMapping = mapping;
  newAnonVma = 0;
  newSource = 0;
  newSoftDirty = 1;
}

/** The proposal's pages come from `source`, with its anon_vma. */
export function proposeSource(source: Vma): void {
  newSource = changetype<usize>(source);
  newAnonVma = source.anonVma;
  newSoftDirty = source.softDirty;
}

/** The proposal continues `vma`, whose anon_vma it gets, without being a part of it. */
export function proposeGrowth(vma: Vma): void {
  newAnonVma = vma.anonVma;
  newSoftDirty = vma.softDirty;
}

function isForkChild(vma: usize): bool {
  return vma != 0 && changetype<Vma>(vma).anonVma != 0 && !chainIsSingle(changetype<Vma>(vma));
}

/** As is_mergeable_anon_vma: the same, or one has none and the other is no fork child. */
function anonVmaFits(target: Vma): bool {
  if (!target.anonVma && newAnonVma) return !isForkChild(newSource);
  if (target.anonVma && !newAnonVma) return !isForkChild(changetype<usize>(target));
  return target.anonVma == newAnonVma;
}

function attributesFit(target: Vma): bool {
  return target.flags == newFlags && target.mapping == newMapping;
}

function fitsAfter(prev: usize): bool {
  if (!prev) return false;
  const vma = changetype<Vma>(prev);
  return (
    vma.end == newStart &&
    attributesFit(vma) &&
    anonVmaFits(vma) &&
    vma.pgoff + vmaPages(vma) == newPgoff
  );
}

function fitsBefore(next: usize, prevFits: usize): bool {
  if (!next) return false;
  const vma = changetype<Vma>(next);
  if (vma.start != newEnd || !attributesFit(vma) || !anonVmaFits(vma)) return false;
  if (vma.pgoff != newPgoff + ((newEnd - newStart) >> 12)) return false;
  if (!prevFits) return true;
  const prev = changetype<Vma>(prevFits);
  return !prev.anonVma || !vma.anonVma || prev.anonVma == vma.anonVma;
}

/** Changes an area's range with everything that is keyed by it. */
export function vmaResize(vma: Vma, start: u64, end: u64, pgoff: u64): void {
  chainUnhang(vma);
  shareUnhang(vma);
  vmaMove(vmaMm(vma), vma, start, end);
  vma.pgoff = pgoff;
  shareRehang(vma);
  chainRehang(vma);
}

/** `dst` will hold pages of `src`: it takes over its chain where it has none (dup_anon_vma). */
function adoptChain(dst: Vma, src: usize): void {
  if (!src || dst.anonVma || !changetype<Vma>(src).anonVma) return;
  dst.anonVma = changetype<Vma>(src).anonVma;
  chainClone(dst, changetype<Vma>(src));
}

/** `dst` will hold pages of `src`: what counts as written in one does in the other. */
function adoptSoftDirty(dst: Vma, src: usize): void {
  dst.softDirty |= changetype<Vma>(src).softDirty;
}

/** Takes an area away whose range another one has taken over. */
function absorb(vma: Vma): void {
  shareDrop(vma);
  chainDrop(vma);
  vmaRemove(vmaMm(vma), vma);
}

/** Takes an area's record, links and place away. Precondition: no pte is left in it. */
export function vmaDrop(vma: Vma): void {
  promiseDrop(vma);
  absorb(vma);
}

/**
 * Fits the proposal between `prev` and `next` (Linux: vma_merge_new_range).
 * `expandOnly`: brk looks to the left alone.
 * @returns the area that now covers it, or 0.
 */
export function mergeNew(prev: usize, next: usize, expandOnly: bool): usize {
  if (newFlags & VM_SPECIAL) return 0;
  const left = fitsAfter(prev) ? prev : 0;
  const right = !expandOnly && fitsBefore(next, left) ? next : 0;
  if (!left && !right) return 0;
  statAdd(Vmstat.vma_merge, 1);
  const target = changetype<Vma>(left ? left : right);
  const end = right ? changetype<Vma>(right).end : newEnd;
  const source = newSource;
  target.softDirty |= newSoftDirty;
  if (left) {
    if (right) adoptSoftDirty(target, right);
    if (right) adoptChain(target, right);
    adoptChain(target, source);
    // A source that is itself swallowed is the caller's to look up again (mremap of unfaulted).
    if (right) absorb(changetype<Vma>(right));
    vmaResize(target, target.start, end, target.pgoff);
  } else {
    adoptChain(target, source);
    vmaResize(target, newStart, end, newPgoff);
  }
  return changetype<usize>(target);
}

function mergeMiddle(middle: Vma, left: usize, right: usize): usize {
  const whole = newStart == middle.start && newEnd == middle.end;
  const self = changetype<usize>(middle);
  statAdd(Vmstat.vma_merge, 1);
  if (left && right) {
    const prev = changetype<Vma>(left);
    const end = changetype<Vma>(right).end;
    adoptSoftDirty(prev, self);
    adoptSoftDirty(prev, right);
    adoptChain(prev, changetype<Vma>(right).anonVma ? right : self);
    absorb(middle);
    absorb(changetype<Vma>(right));
    vmaResize(prev, prev.start, end, prev.pgoff);
    return left;
  }
  if (left) {
    const prev = changetype<Vma>(left);
    const end = newEnd;
    adoptSoftDirty(prev, self);
    adoptChain(prev, self);
    if (whole) absorb(middle);
    else shrinkFront(middle, end);
    vmaResize(prev, prev.start, end, prev.pgoff);
    return left;
  }
  const next = changetype<Vma>(right);
  const start = newStart;
  const pages = (newEnd - newStart) >> 12;
  adoptSoftDirty(next, self);
  adoptChain(next, self);
  if (whole) absorb(middle);
  else vmaResize(middle, middle.start, start, middle.pgoff);
  vmaResize(next, start, next.end, next.pgoff - pages);
  return right;
}

function shrinkFront(vma: Vma, start: u64): void {
  vmaResize(vma, start, vma.end, vma.pgoff + ((start - vma.start) >> 12));
}

/**
 * Splits `vma` at `address`: the record keeps the upper part when `newBelow`, else the lower.
 * @returns the new area.
 */
export function vmaSplit(vma: Vma, address: u64, newBelow: bool): usize {
  const cut = vma.pgoff + ((address - vma.start) >> 12);
  const fresh = newBelow
    ? vmaDup(vma, vma.start, address, vma.pgoff)
    : vmaDup(vma, address, vma.end, cut);
  if (newBelow) vmaResize(vma, address, vma.end, cut);
  else vmaResize(vma, vma.start, address, vma.pgoff);
  chainClone(fresh, vma);
  vmaLink(vmaMm(vma), fresh);
  if (isHuge(vma)) promiseDivide(newBelow ? fresh : vma, newBelow ? vma : fresh);
  statAdd(Vmstat.vma_split, 1);
  return changetype<usize>(fresh);
}

/**
 * Makes [start, end) of `vma` an area of its own with `flags`, merged with neighbours that agree,
 * split off where they do not (Linux: vma_modify). The caller then sets the flags of what comes
 * back: a merge keeps the target's, which are the same.
 *
 * @returns the area, or 0 where a split would be one area too many; the first of two splits that
 *   was within the limit stays, as on Linux.
 */
export function vmaTryModify(vma: Vma, start: u64, end: u64, flags: u32): usize {
  const pgoff = vma.pgoff + ((start - vma.start) >> 12);
  propose(start, end, flags, pgoff, vma.mapping);
  proposeSource(vma);
  if (!(flags & VM_SPECIAL)) {
    const left = start == vma.start && fitsAfter(vma.prev) ? vma.prev : 0;
    const right = end == vma.end && fitsBefore(vma.next, left) ? vma.next : 0;
    if (left || right) return mergeMiddle(vma, left, right);
  }
  const mm = vmaMm(vma);
  if (vma.start < start) {
    if (mm.mapCount >= MAP_COUNT_MAX) return 0;
    vmaSplit(vma, start, true);
  }
  if (vma.end > end) {
    if (mm.mapCount >= MAP_COUNT_MAX) return 0;
    vmaSplit(vma, end, false);
  }
  return changetype<usize>(vma);
}
