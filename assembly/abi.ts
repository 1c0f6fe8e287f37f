// The contract between the engine (Wasm) and the shell (TypeScript). Both sides import this file.
//
// A 64-bit address crosses the boundary as one f64: every user address (47 bits) is exact in it.
// Every fallible export answers with an i32: see `Status`. Anything more is in the result block,
// `ResultField.LENGTH` words of u32 at `result_pointer()`, read at once and never kept.

export * from "./abi/linux";
export * from "./abi/pages";
export * from "./abi/reclaim";
export * from "./abi/vmstat";
export * from "./abi/writeback";

/** Bytes in a page and in a frame. */
export const PAGE_SIZE: u32 = 4096;
export const PAGE_SHIFT: u32 = 12;
/** Entries in a page table. */
export const TABLE_ENTRIES: u32 = 512;
/** First address that is not a user's (x86-64, four levels). */
export const TASK_SIZE: f64 = 0x7ffffffff000;
/** Areas of one mm, as Linux's vm.max_map_count. */
export const MAP_COUNT_MAX: u32 = 65530;
/** Pages that stay free below a stack that grows, as Linux's stack_guard_gap. */
export const STACK_GUARD_PAGES: u32 = 256;
/** Largest size of a stack in bytes, as Linux's default RLIMIT_STACK. */
export const STACK_LIMIT_BYTES: u32 = 8388608;
/** Where placement begins, growing down, when the host does not say. */
export const MMAP_BASE_DEFAULT: f64 = 0x7ffff7fff000;
/** Where the heap begins when the host does not say. */
export const BRK_START_DEFAULT: f64 = 0x555555559000;

/** Frames of the smallest machine (1 MiB) and of the largest (what fits one arena). */
export const FRAMES_MIN: u32 = 256;
export const FRAMES_MAX: u32 = 1037056;
/** Bytes of bookkeeping per frame that the arena never exceeds (Linux: 64). */
export const FRAME_OVERHEAD_MAX: u32 = 48;
/** Largest order of a contiguous allocation: 2**10 frames. */
export const ORDER_MAX: u32 = 10;
/** Bytes of a huge page, its frames, and their order. */
export const HUGE_BYTES: u32 = 2097152;
export const HUGE_FRAMES: u32 = 512;
export const HUGE_ORDER: u32 = 9;

/** Brackets open at once. */
export const TICKETS_MAX: u32 = 1024;
/** Subscribers registered at once. */
export const SUBSCRIBERS_MAX: u32 = 1024;
/** Export records alive at once. */
export const RECORDS_MAX: u32 = 16777216;
/** Words of u32 in a set of subscribers. */
export const SUBSCRIBER_WORDS: u32 = 32;
/** Groups of address spaces at once, with group 0, which has no limit. */
export const GROUPS_MAX: u32 = 1024;
/** LRU lists of a group. */
export const LRU_KINDS: u32 = 4;
/** Bytes of the window that lists cross the boundary in (`window_pointer()`). */
export const WINDOW_BYTES: u32 = 65536;
/** Where a translation finds no page present: frame 0 is the zero page. */
export const NO_FRAME: u32 = 0xffffffff;
/** Pages of a range that are translated in one call, and addresses of their own. */
export const TRANSLATE_MAX: u32 = 16384;
export const TRANSLATE_MANY_MAX: u32 = 4096;

/**
 * What a fallible export answers: 0 done, above 0 a ticket that waits for its notices, below 0 a
 * negated errno or one of the faults here.
 */
export const enum Status {
  Ok = 0,
  EPERM = -1,
  ENOENT = -2,
  ESRCH = -3,
  EIO = -5,
  EBADF = -9,
  EAGAIN = -11,
  ENOMEM = -12,
  EACCES = -13,
  EFAULT = -14,
  EBUSY = -16,
  EEXIST = -17,
  ENODEV = -19,
  EINVAL = -22,
  ENFILE = -23,
  ENOSPC = -28,
  EDEADLK = -35,
  EOVERFLOW = -75,
  EUSERS = -87,
  EOPNOTSUPP = -95,
  ETIMEDOUT = -110,
  ESTALE = -116,
  /**
   * A page is not there yet, or not free yet: of a file (Mapping, Offset its index) or of swap
   * (Mapping 0, Count its slot, Pfn). The same call goes on when the host has moved it.
   */
  NEED_IO = -1000,
  /** Frames lack: LackFrames and LackGroup say of whom, the same call goes on after reclaim. */
  NEED_MEMORY = -1004,
  /** SIGSEGV, SEGV_MAPERR: no area there. */
  SEGV_MAPERR = -1001,
  /** SIGSEGV, SEGV_ACCERR: the area forbids it. */
  SEGV_ACCERR = -1002,
  /** SIGBUS, BUS_ADRERR: beyond the end of the file. */
  BUS_ADRERR = -1003,
}

/** Words of the result block. A 64-bit value is two words, low first. */
export const enum ResultField {
  /** The address, break or position that the operation answers with. */
  ValueLo,
  ValueHi,
  /** Frame that an access resolved to, or frame number of an answer. */
  Pfn,
  /** Pages, records or bytes counted by the answer. */
  Count,
  /** On EAGAIN: the open ticket in the way. */
  Blocker,
  /** On EBUSY: the subscriber that still holds a page, and where. */
  Holder,
  HolderLo,
  HolderHi,
  /** An area: see `area_next`. */
  StartLo,
  StartHi,
  EndLo,
  EndHi,
  OffsetLo,
  OffsetHi,
  VmFlags,
  Mapping,
  Name,
  /** A pte and its frame: see `page_query`. */
  PteLo,
  PteHi,
  FrameFlags,
  RefCount,
  MapCount,
  Exports,
  /** How Linux would now populate (a Populate), and how many ranges of the window. */
  PopulateMode,
  PopulateCount,
  /** What the page of `page_query` is (PAGE_IS_…), and its swap slot. */
  Categories,
  Slot,
  /** On NEED_MEMORY: how many frames, and the group at its limit, 0 when it is the machine. */
  LackFrames,
  LackGroup,
  LENGTH,
}

/** How a range is populated after an operation. */
export const enum Populate {
  None,
  /** As Linux's mm_populate: write faults where private and writable; errors are ignored. */
  Quiet,
  /** The same, and an error is the operation's (mlock: as ENOMEM or EAGAIN). */
  Locked,
  /** MADV_POPULATE_READ, MADV_POPULATE_WRITE: EINVAL, EFAULT, ENOMEM. */
  Read,
  Write,
}

/** How memory is accessed. */
export const enum Access {
  Read,
  Write,
  Execute,
}

/** What a ticket will do. */
export const enum Op {
  None,
  Mmap,
  Munmap,
  Mprotect,
  Mremap,
  Madvise,
  Brk,
  Mlock,
  Fault,
  Fork,
  Exit,
  Migrate,
  Truncate,
  Punch,
  Msync,
  Pageout,
  RemapPfn,
  Merge,
  ClearRefs,
  Writeback,
  Evict,
}

/** Why a page is about to change (`why.reason`). */
export const enum Reason {
  Unmap,
  Protect,
  Clear,
  Cow,
  Migrate,
  Merge,
  Writeback,
  Truncate,
  Punch,
  Evict,
  Exit,
}

/** Which export records must be gone before a commit. */
export const enum Demand {
  /** Told, nothing demanded. */
  Nothing,
  /** Records with write access must go or be lowered to read. */
  Writers,
  /** Every record in reach must go. */
  All,
  /** Every record of a page of the file; private copies stay. */
  FilePages,
}

/** What a notice is about. */
export const enum NoticeKind {
  /** (mm, start, end). */
  ProcessRange,
  /** A frame, everywhere it is mapped. */
  Page,
  /** An mm that exits. */
  Release,
  /** Pages of a file; the hits that follow say where they are shown. */
  MappingRange,
  /** (mm, start, end) that the mapping range before it shows through. */
  Hit,
}

/** Words of a notice, see `ticket_notice`. */
export const enum NoticeField {
  Next,
  Kind,
  Mm,
  Reason,
  Demand,
  OldProt,
  NewProt,
  Pfn,
  StartLo,
  StartHi,
  EndLo,
  EndHi,
  LENGTH,
}

/** Rights of an export record. */
export const enum Rights {
  Read = 1,
  Write = 2,
}

/** Page flags, one bitmap each; the numbers follow the patch where it names one. */
export const enum PG {
  locked,
  error,
  referenced,
  uptodate,
  dirty,
  lru,
  active,
  slab,
  /** Owner is a page table. */
  table,
  writeback,
  reclaim,
  swapbacked,
  swapcache,
  mlocked,
  unevictable,
  anon,
  reserved,
  /** Free, and first of a line of 512 that are all free. */
  buddy,
  head,
  tail,
  hugetlb,
  pinned,
  /** Withheld from the allocator: an exporter did not let go at exit. */
  quarantine,
  /** Never handed out since the machine was made: its bytes are zero. */
  fresh,
  /** Free (every frame of a free block). */
  free,
  /** Of a huge page: its owner let go of it, a fork child has not (frame/huge.ts). */
  private_,
  ksm,
  mappedtodisk,
  workingset,
  pagecache,
  /** Held by somebody outside: bit 30, as in the patch. */
  exported,
  COUNT,
}

/** Bits of a page table entry, low 32 bits (x86-64); `PTE_NX_HI` is bit 31 of the high word. */
export const PTE_P: u32 = 1;
export const PTE_W: u32 = 2;
export const PTE_U: u32 = 4;
export const PTE_A: u32 = 32;
export const PTE_D: u32 = 64;
export const PTE_H: u32 = 128;
export const PTE_SOFT_DIRTY: u32 = 512;
export const PTE_EXPORTED: u32 = 1024;
export const PTE_SPECIAL: u32 = 2048;
/** Soft-dirty of an entry that is swapped out: Linux's _PAGE_SWP_SOFT_DIRTY. */
export const PTE_SWP_SOFT_DIRTY: u32 = 2;
export const PTE_NX_HI: u32 = 0x80000000;

/** What an area is called where it is not a file. */
export const enum AreaName {
  None,
  Heap,
  Stack,
  Vdso,
  Vvar,
  VvarVclock,
}

/** What kind of store a mapping's file lives on. */
export const enum FileKind {
  /** Anonymous shared memory. */
  Shm,
  /** Memory only, as memfd or tmpfs. */
  Memory,
  /** On a disk file system: 2 MiB alignment of its mappings, writeback. */
  Disk,
  /** Huge pages without a name, as MAP_HUGETLB makes them (hugetlbfs). */
  Huge,
}

/** How a call of `merge_scan` ended. */
export const enum MergeScan {
  /** After as many pages as it was given. */
  Limit,
  /** With two pages that are equal. */
  Pair,
  /** At the end of a pass over everything. */
  End,
}

/** Words of one entry that `page_list` writes to the window. */
export const enum PageEntry {
  AddressLo,
  AddressHi,
  PteLo,
  PteHi,
  Pfn,
  MapCount,
  /** PAGE_IS_… */
  Categories,
  /** Swap slot of a page that is swapped out. */
  Slot,
  LENGTH,
}
