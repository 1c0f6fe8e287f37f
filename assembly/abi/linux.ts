// Linux's own numbers (x86-64): what system calls take, and the flags of an area.
//
// Part of the contract: imported through abi.ts by both sides.

/** Arguments of system calls: Linux's numbers on x86-64. */
export const PROT_NONE: i32 = 0;
export const PROT_READ: i32 = 1;
export const PROT_WRITE: i32 = 2;
export const PROT_EXEC: i32 = 4;
export const PROT_SEM: i32 = 8;
export const PROT_GROWSDOWN: i32 = 0x01000000;
export const PROT_GROWSUP: i32 = 0x02000000;

export const MAP_SHARED: i32 = 0x1;
export const MAP_PRIVATE: i32 = 0x2;
export const MAP_SHARED_VALIDATE: i32 = 0x3;
export const MAP_DROPPABLE: i32 = 0x8;
export const MAP_TYPE: i32 = 0xf;
export const MAP_FIXED: i32 = 0x10;
export const MAP_ANONYMOUS: i32 = 0x20;
export const MAP_32BIT: i32 = 0x40;
export const MAP_ABOVE4G: i32 = 0x80;
export const MAP_GROWSDOWN: i32 = 0x100;
export const MAP_DENYWRITE: i32 = 0x800;
export const MAP_EXECUTABLE: i32 = 0x1000;
export const MAP_LOCKED: i32 = 0x2000;
export const MAP_NORESERVE: i32 = 0x4000;
export const MAP_POPULATE: i32 = 0x8000;
export const MAP_NONBLOCK: i32 = 0x10000;
export const MAP_STACK: i32 = 0x20000;
export const MAP_HUGETLB: i32 = 0x40000;
export const MAP_SYNC: i32 = 0x80000;
export const MAP_FIXED_NOREPLACE: i32 = 0x100000;
export const MAP_UNINITIALIZED: i32 = 0x4000000;
/** Sizes of huge pages, as a shift in bits 26 to 31. */
export const MAP_HUGE_2MB: i32 = 0x54000000;
export const MAP_HUGE_1GB: i32 = 0x78000000;

export const MREMAP_MAYMOVE: i32 = 1;
export const MREMAP_FIXED: i32 = 2;
export const MREMAP_DONTUNMAP: i32 = 4;

export const MADV_NORMAL: i32 = 0;
export const MADV_RANDOM: i32 = 1;
export const MADV_SEQUENTIAL: i32 = 2;
export const MADV_WILLNEED: i32 = 3;
export const MADV_DONTNEED: i32 = 4;
export const MADV_FREE: i32 = 8;
export const MADV_REMOVE: i32 = 9;
export const MADV_DONTFORK: i32 = 10;
export const MADV_DOFORK: i32 = 11;
export const MADV_MERGEABLE: i32 = 12;
export const MADV_UNMERGEABLE: i32 = 13;
export const MADV_HUGEPAGE: i32 = 14;
export const MADV_NOHUGEPAGE: i32 = 15;
export const MADV_DONTDUMP: i32 = 16;
export const MADV_DODUMP: i32 = 17;
export const MADV_WIPEONFORK: i32 = 18;
export const MADV_KEEPONFORK: i32 = 19;
export const MADV_COLD: i32 = 20;
export const MADV_PAGEOUT: i32 = 21;
export const MADV_POPULATE_READ: i32 = 22;
export const MADV_POPULATE_WRITE: i32 = 23;
export const MADV_DONTNEED_LOCKED: i32 = 24;
export const MADV_COLLAPSE: i32 = 25;
export const MADV_GUARD_INSTALL: i32 = 102;
export const MADV_GUARD_REMOVE: i32 = 103;

export const MS_ASYNC: i32 = 1;
export const MS_INVALIDATE: i32 = 2;
export const MS_SYNC: i32 = 4;

export const MLOCK_ONFAULT: i32 = 1;
export const MCL_CURRENT: i32 = 1;
export const MCL_FUTURE: i32 = 2;
export const MCL_ONFAULT: i32 = 4;

/** What a page is, in a scan of a pagemap (include/uapi/linux/fs.h). */
export const PAGE_IS_WPALLOWED: u32 = 0x1;
export const PAGE_IS_WRITTEN: u32 = 0x2;
export const PAGE_IS_FILE: u32 = 0x4;
export const PAGE_IS_PRESENT: u32 = 0x8;
export const PAGE_IS_SWAPPED: u32 = 0x10;
export const PAGE_IS_PFNZERO: u32 = 0x20;
export const PAGE_IS_HUGE: u32 = 0x40;
export const PAGE_IS_SOFT_DIRTY: u32 = 0x80;
export const PAGE_IS_GUARD: u32 = 0x100;

/** Area flags, Linux's numbers where it has them. */
export const VM_READ: u32 = 0x1;
export const VM_WRITE: u32 = 0x2;
export const VM_EXEC: u32 = 0x4;
export const VM_SHARED: u32 = 0x8;
export const VM_MAYREAD: u32 = 0x10;
export const VM_MAYWRITE: u32 = 0x20;
export const VM_MAYEXEC: u32 = 0x40;
export const VM_MAYSHARE: u32 = 0x80;
export const VM_GROWSDOWN: u32 = 0x100;
export const VM_PFNMAP: u32 = 0x400;
export const VM_LOCKED: u32 = 0x2000;
export const VM_IO: u32 = 0x4000;
export const VM_SEQ_READ: u32 = 0x8000;
export const VM_RAND_READ: u32 = 0x10000;
export const VM_DONTCOPY: u32 = 0x20000;
export const VM_DONTEXPAND: u32 = 0x40000;
export const VM_LOCKONFAULT: u32 = 0x80000;
export const VM_ACCOUNT: u32 = 0x100000;
export const VM_NORESERVE: u32 = 0x200000;
export const VM_HUGETLB: u32 = 0x400000;
export const VM_WIPEONFORK: u32 = 0x2000000;
export const VM_DONTDUMP: u32 = 0x4000000;
/** Every page of the area counts as written (Vma.softDirty); never in `Vma.flags` itself. */
export const VM_SOFTDIRTY: u32 = 0x8000000;
/** Bit 40 in Linux, where it does not meet VM_MIXEDMAP. */
export const VM_DROPPABLE: u32 = 0x10000000;
export const VM_HUGEPAGE: u32 = 0x20000000;
export const VM_NOHUGEPAGE: u32 = 0x40000000;
export const VM_MERGEABLE: u32 = 0x80000000;
