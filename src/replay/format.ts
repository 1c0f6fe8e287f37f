// The shapes of mm-run/1: what a real kernel did, one operation a line, with addresses as numbers.
//
// Written by: `parse.ts`, which has checked every field. Read by the replayer and the comparison.

/** Stands for "any process" in a notice, and for "no file" in an mmap. */
export const ANY = -1;

/** Bytes [start, end) of one process; `proc` is `ANY` where it is every process that maps them. */
export interface RecordedNotice {
  readonly proc: number;
  readonly start: number;
  readonly end: number;
}

/** What an operation answered. Exactly one of `ret`, `errno` and `signal` is there, or none. */
export interface RecordedResult {
  /** A number, a string of 0 and 1 (mincore), or null (fread at the end of the file). */
  readonly ret?: number | string | null;
  readonly errno?: string;
  readonly signal?: string;
  /** `si_code` of the signal. */
  readonly code?: number;
}

/** An operation on [addr, addr + len) with nothing else. */
export type SpanName = "munmap" | "mlock" | "munlock" | "mincore";

/** The arguments of each operation. Addresses, lengths and offsets in bytes. */
export type RecordedCall =
  | {
      readonly op: "mmap";
      readonly addr: number;
      readonly len: number;
      readonly prot: number;
      readonly flags: number;
      readonly file: number;
      readonly off: number;
    }
  | { readonly op: SpanName; readonly addr: number; readonly len: number }
  | { readonly op: "mlock2"; readonly addr: number; readonly len: number; readonly flags: number }
  | { readonly op: "mlockall"; readonly flags: number }
  | { readonly op: "munlockall" }
  | { readonly op: "mprotect"; readonly addr: number; readonly len: number; readonly prot: number }
  | {
      readonly op: "mremap";
      readonly addr: number;
      readonly oldLen: number;
      readonly newLen: number;
      readonly flags: number;
      readonly newAddr: number;
    }
  | { readonly op: "madvise"; readonly addr: number; readonly len: number; readonly advice: number }
  | { readonly op: "msync"; readonly addr: number; readonly len: number; readonly flags: number }
  | { readonly op: "brk"; readonly addr: number }
  | { readonly op: "write"; readonly addr: number; readonly byte: number }
  | { readonly op: "read"; readonly addr: number }
  | { readonly op: "fault"; readonly addr: number; readonly write: boolean }
  | { readonly op: "fork"; readonly child: number }
  | { readonly op: "exit" }
  | { readonly op: "ftruncate"; readonly file: number; readonly size: number }
  | { readonly op: "punch"; readonly file: number; readonly off: number; readonly len: number }
  | { readonly op: "fwrite"; readonly file: number; readonly off: number; readonly byte: number }
  | { readonly op: "fread"; readonly file: number; readonly off: number };

/** An operation with who did it, what came of it and whom the kernel told. */
export interface RecordedOperation {
  readonly kind: "operation";
  readonly line: number;
  readonly proc: number;
  readonly call: RecordedCall;
  readonly result: RecordedResult;
  readonly notified: readonly RecordedNotice[];
}

/** An area as /proc/PID/maps shows it; `rights` is "rwxp" with "-" for what it lacks. */
export interface RecordedArea {
  readonly start: number;
  readonly end: number;
  readonly rights: string;
  readonly offset: number;
  readonly name: string;
}

/** A page of a snapshot: the zero page, swapped out, or present in a frame. */
export type RecordedPage =
  | { readonly kind: "zero" }
  | { readonly kind: "swapped" }
  | {
      readonly kind: "present";
      /** P, and F (of a file or shared), X (mapped once), H (huge), in that order. */
      readonly flags: string;
      /** Names the frame within one snapshot only. */
      readonly frame: number;
      readonly mapCount: number;
    };

/** An address space at one moment: areas in order, pages by address. */
export interface RecordedSpace {
  readonly areas: readonly RecordedArea[];
  readonly pages: ReadonlyMap<number, RecordedPage>;
}

/** A file that is seen for the first time. */
export interface RecordedFile {
  readonly kind: "file";
  readonly line: number;
  readonly file: number;
  readonly path: string;
  readonly size: number;
  /** Of memory (memfd, shared memory) and not of a disk. Default false. */
  readonly isMemory?: boolean;
}

/** The address space of a process as it was when its recording began, or after exec. */
export interface RecordedStart {
  readonly kind: "start";
  readonly line: number;
  readonly proc: number;
  readonly brkStart: number;
  readonly brk: number;
  /** Where placement begins; left out: as the header has it. */
  readonly mmapBase?: number;
  readonly space: RecordedSpace;
}

/** The truth to compare with; `isComplete`: it names every process that is alive. */
export interface RecordedState {
  readonly kind: "state";
  readonly line: number;
  readonly isComplete: boolean;
  readonly spaces: ReadonlyMap<number, RecordedSpace>;
  /** Of the huge pages, or null where it does not say. */
  readonly pool: RecordedPool | null;
}

/** Huge pages that nobody uses, and how many are promised to somebody: below 0 is possible. */
export interface RecordedPool {
  readonly free: number;
  readonly promised: number;
}

export type RecordedEvent = RecordedOperation | RecordedFile | RecordedStart | RecordedState;

/** A file that exists from the beginning, all of it in the page cache and zero. */
export interface PreparedFile {
  readonly name: string;
  readonly kind: "memory" | "disk";
  readonly size: number;
}

export interface RecordedHeader {
  readonly kernel: string;
  /** The part of the address space that states show; null: all of it. */
  readonly arena: { readonly start: number; readonly end: number } | null;
  readonly files: readonly PreparedFile[];
  /** Huge pages of the recorded machine's pool. */
  readonly hugePages: number;
  /** Where placement begins, growing down; null when the recording does not say. */
  readonly mmapBase: number | null;
  /** The program that ran; null in a synthetic recording. Its states list anonymous pages only. */
  readonly program: readonly string[] | null;
}

export interface Recording {
  /** As the reader was told; errors and reports name it. */
  readonly file: string;
  readonly header: RecordedHeader;
  readonly events: readonly RecordedEvent[];
}
