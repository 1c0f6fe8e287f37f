// mmap (as Linux mm/mmap.c do_mmap and mm/vma.c mmap_region).

import {
  FileKind,
  MAP_32BIT,
  MAP_ABOVE4G,
  MAP_ANONYMOUS,
  MAP_COUNT_MAX,
  MAP_DENYWRITE,
  MAP_DROPPABLE,
  MAP_EXECUTABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGE_1GB,
  MAP_HUGE_2MB,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_STACK,
  MAP_SYNC,
  MAP_TYPE,
  MAP_UNINITIALIZED,
  Op,
  Populate,
  Status,
  VM_ACCOUNT,
  VM_DONTDUMP,
  VM_DROPPABLE,
  VM_GROWSDOWN,
  VM_HUGETLB,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_NOHUGEPAGE,
  VM_NORESERVE,
  VM_SHARED,
  VM_WIPEONFORK,
  VM_WRITE,
} from "../abi";
import { hugeUp } from "../map/huge";
import { fileRangeFits, Mapping, mappingCreate, mappingPut } from "../map/mapping";
import { mergeNew, propose } from "../map/merge";
import { Mm } from "../map/mm";
import { Vma } from "../map/vma";
import { vmaCreate } from "../map/vma-link";
import { vmaFind, vmaIntersection, vmaPrevious } from "../map/vma-tree";
import { mmConflict } from "../plan/freeze";
import { need, needArea } from "../plan/need";
import {
  isFree,
  MMAP_MIN,
  placementFailed,
  placementFind,
  placementHuge,
  USER_END,
} from "../plan/placement";
import {
  answer,
  planAfford,
  planBegin,
  planDone,
  planTells,
  planTicket,
  populateNext,
} from "../plan/plan";
import { checkFrozen, opened, refuseFrozen, Ticket } from "../plan/ticket";
import { canCommit } from "./commit-limit";
import { unmapFits } from "./huge-cut";
import { hugeFlags, hugeLate, hugeMmap, isHugeSize } from "./huge-mmap";
import { pageAlign, unmapApply, unmapPlan } from "./munmap";

/** The flags that a MAP_SHARED mapping ignores others than (Linux: LEGACY_MAP_MASK). */
const LEGACY_MASK: i32 =
  MAP_SHARED |
  MAP_PRIVATE |
  MAP_FIXED |
  MAP_ANONYMOUS |
  MAP_DENYWRITE |
  MAP_EXECUTABLE |
  MAP_UNINITIALIZED |
  MAP_GROWSDOWN |
  MAP_LOCKED |
  MAP_NORESERVE |
  MAP_POPULATE |
  MAP_NONBLOCK |
  MAP_STACK |
  MAP_HUGETLB |
  MAP_32BIT |
  MAP_ABOVE4G |
  MAP_HUGE_2MB |
  MAP_HUGE_1GB;

const MAY_ALL: u32 = VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;

/** Area flags of a protection and of the flags that have one. */
function vmFlagsOf(mm: Mm, prot: i32, flags: i32): u32 {
  let vm: u32 = (<u32>prot & 7) | MAY_ALL | mm.defaultFlags;
  if (flags & MAP_GROWSDOWN) vm |= VM_GROWSDOWN;
  if (flags & MAP_LOCKED) vm |= VM_LOCKED;
  if (flags & MAP_STACK) vm |= VM_NOHUGEPAGE;
  if (flags & MAP_NORESERVE) vm |= VM_NORESERVE;
  return vm;
}

/** What the type in `flags` adds to a file's area, or a status. */
function fileType(flags: i32, vm: u32): i32 {
  const type = flags & MAP_TYPE;
  if (type == MAP_SHARED_VALIDATE && flags & ~(LEGACY_MASK | MAP_SHARED_VALIDATE)) {
    return Status.EOPNOTSUPP;
  }
  if (type != MAP_SHARED && type != MAP_SHARED_VALIDATE && type != MAP_PRIVATE) {
    return Status.EINVAL;
  }
  if (vm & VM_GROWSDOWN) return Status.EINVAL;
  return type == MAP_PRIVATE ? 0 : <i32>(VM_SHARED | VM_MAYSHARE);
}

function anonymousType(flags: i32, vm: u32): i32 {
  const type = flags & MAP_TYPE;
  if (type == MAP_PRIVATE) return 0;
  if (type != MAP_SHARED && type != MAP_DROPPABLE) return Status.EINVAL;
  if (vm & VM_GROWSDOWN) return Status.EINVAL;
  if (type == MAP_SHARED) return <i32>(VM_SHARED | VM_MAYSHARE);
  // Memory that may vanish is neither locked, nor promised, nor inherited.
  if (flags & MAP_LOCKED) return Status.EINVAL;
  return <i32>(VM_DROPPABLE | VM_NORESERVE | VM_WIPEONFORK | VM_DONTDUMP);
}

/** Private writable memory counts against the commit limit. */
function isAccountable(vm: u32): bool {
  return (vm & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE;
}

/** Pages of [start, end) that count already; they go, so that what is new need not count twice. */
function accountedPages(mm: Mm, start: u64, end: u64): u64 {
  let pages: u64 = 0;
  for (let p = vmaIntersection(mm, start, end); p; p = changetype<Vma>(p).next) {
    const vma = changetype<Vma>(p);
    if (vma.start >= end) break;
    if (vma.flags & VM_ACCOUNT) pages += (min(vma.end, end) - max(vma.start, start)) >> 12;
  }
  return pages;
}

/** What a failed placement answers: where open brackets freeze the room, wait for one of them. */
function noPlace(mm: Mm, status: i32): i32 {
  const blocker = status == Status.ENOMEM ? mmConflict(mm, 0, USER_END) : 0;
  return blocker ? refuseFrozen(blocker) : status;
}

/**
 * mmap(2). `mapping` 0: MAP_ANONYMOUS must be set, else EBADF. Answers with the address.
 *
 * MAP_HUGETLB is in huge-mmap.ts: EINVAL for another size than 2 MiB, and an address or an offset
 * that is no multiple of it; ENOMEM where the pool cannot promise so many.
 */
export function mmap(
  mm: Mm,
  address: u64,
  length: u64,
  prot: i32,
  flags: i32,
  mapping: usize,
  offset: u64,
): i32 {
  if (offset & 4095) return Status.EINVAL;
  if (!(flags & MAP_ANONYMOUS) && !mapping) return Status.EBADF;
  const file: usize = flags & MAP_ANONYMOUS ? 0 : mapping;
  const huge = (flags & MAP_HUGETLB) != 0;
  if (huge && (file || !isHugeSize(flags))) return Status.EINVAL;
  if (!length) return Status.EINVAL;
  const how = flags & MAP_FIXED_NOREPLACE ? flags | MAP_FIXED : flags;
  let hint = address;
  if (!(how & MAP_FIXED) && hint & ~4095 && hint < MMAP_MIN) hint = MMAP_MIN;
  const bytes = huge ? hugeUp(length) : pageAlign(length);
  if (!bytes) return huge ? Status.EINVAL : Status.ENOMEM;
  const pgoff = offset >> 12;
  if (pgoff + (bytes >> 12) < pgoff) return Status.EOVERFLOW;
  if (mm.mapCount > MAP_COUNT_MAX) return Status.ENOMEM;
  let vm = vmFlagsOf(mm, prot, how);
  const at = huge
    ? placementHuge(mm, hint, bytes, how)
    : placementFind(mm, hint, bytes, file, offset, how);
  if (placementFailed(at)) return noPlace(mm, <i32>at);
  if (how & MAP_FIXED_NOREPLACE && !isFree(mm, at, at + bytes)) return Status.EEXIST;
  if (file || huge) {
    const fits = fileRangeFits(pgoff, bytes >> 12);
    if (fits) return fits;
  }
  const type = file || huge ? fileType(how, vm) : anonymousType(how, vm);
  if (type < 0) return type;
  if (how & MAP_SYNC && (how & MAP_TYPE) == MAP_SHARED_VALIDATE) return Status.EOPNOTSUPP;
  vm |= <u32>type;
  if (huge) return mapPlan(mm, at, bytes, vm | VM_HUGETLB, 0, pgoff, how);
  if (isAccountable(vm)) {
    if (!canCommit((bytes >> 12) - accountedPages(mm, at, at + bytes))) return Status.ENOMEM;
    vm |= VM_ACCOUNT;
  }
  return mapPlan(mm, at, bytes, vm, file, file ? pgoff : 0, how);
}

function mapPlan(
  mm: Mm,
  start: u64,
  bytes: u64,
  vm: u32,
  file: usize,
  pgoff: u64,
  flags: i32,
): i32 {
  const end = start + bytes;
  const frozen = checkFrozen(mm, start, end);
  if (frozen) return frozen;
  const fits = unmapFits(mm, start, end);
  if (fits) return fits;
  planBegin();
  unmapPlan(mm, start, end);
  mapNeed(mm, start, end, vm);
  const populate =
    vm & VM_LOCKED || (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE
      ? Populate.Quiet
      : Populate.None;
  // Memory that may vanish is populated where all of it is to be locked, but not locked.
  let kept = vm & VM_DROPPABLE ? vm & ~(VM_LOCKED | VM_LOCKONFAULT) : vm;
  if (vm & VM_HUGETLB) kept = hugeFlags(vm);
  if (!planTells()) {
    const status = planAfford();
    return status ? status : mapApply(mm, start, end, kept, file, pgoff, populate);
  }
  const status = planTicket(Op.Mmap, mm, start, end);
  if (status) return status;
  const ticket = changetype<Ticket>(opened);
  ticket.e = file;
  ticket.f = populate;
  if (file) changetype<Mapping>(file).refs++;
  return planDone(start, end, kept, pgoff);
}

/** One area with its link, a shared memory's mapping, and the chain of a neighbour that merges. */
function mapNeed(mm: Mm, start: u64, end: u64, vm: u32): void {
  let next = vmaFind(mm, start);
  const prev = vmaPrevious(mm, next);
  if (next && changetype<Vma>(next).start < end) next = vmaFind(mm, end);
  let chain: u32 = 0;
  if (next) chain = changetype<Vma>(next).chainCount;
  if (prev) chain = max(chain, changetype<Vma>(prev).chainCount);
  needArea(mm);
  need.links += 1 + chain;
  if (vm & (VM_SHARED | VM_HUGETLB)) need.mappings += 1;
  if (vm & VM_HUGETLB) need.nodes += 1;
}

/** Shared anonymous memory counts as the file it is; Linux refuses a promise too large late. */
function mayShare(vm: u32, pages: u64): bool {
  return (vm & VM_NORESERVE) != 0 || canCommit(pages);
}

/**
 * Maps [start, end), over whatever is there. Never lacks memory: the plan saw to it. ENOMEM for a
 * shared promise that is too large, with what was there gone, as on Linux.
 */
function mapApply(
  mm: Mm,
  start: u64,
  end: u64,
  vm: u32,
  file: usize,
  pgoff: u64,
  populate: u32,
): i32 {
  if (vm & VM_HUGETLB) {
    const late = hugeLate(mm, start, end);
    unmapApply(mm, start, end);
    const refused = hugeMmap(mm, start, end, vm, pgoff, late);
    if (refused) return refused;
    if (populate) populateNext(start, end, populate);
    return answer(start);
  }
  unmapApply(mm, start, end);
  const shm = !file && vm & VM_SHARED;
  if (shm && !mayShare(vm, (end - start) >> 12)) return Status.ENOMEM;
  const page = file || shm ? pgoff : start >> 12;
  if (shm || !mapMerge(mm, start, end, vm, file, page)) {
    const object = shm ? mappingCreate(FileKind.Shm, end - start) : file;
    vmaCreate(mm, start, end, vm, object, page);
    if (shm) mappingPut(changetype<Mapping>(object));
  }
  if (populate) populateNext(start, end, populate);
  return answer(start);
}

function mapMerge(mm: Mm, start: u64, end: u64, vm: u32, file: usize, pgoff: u64): bool {
  propose(start, end, vm, pgoff, file);
  const next = vmaFind(mm, start);
  return mergeNew(vmaPrevious(mm, next), next, false) != 0;
}

/** Commit of a planned mmap. */
export function mapCommit(ticket: Ticket): i32 {
  const mm = changetype<Mm>(ticket.mm);
  const file = <usize>ticket.e;
  const populate = <u32>ticket.f;
  const status = mapApply(mm, ticket.a, ticket.b, <u32>ticket.c, file, ticket.d, populate);
  mapAbort(ticket);
  return status;
}

/** A planned mmap held its file. */
export function mapAbort(ticket: Ticket): void {
  if (ticket.e) mappingPut(changetype<Mapping>(<usize>ticket.e));
  ticket.e = 0;
}
