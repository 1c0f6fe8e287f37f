// Which file a descriptor stands for: by its path (-y), by the call that gave it, or nobody knows.

import { PAGE_SIZE } from "../../../assembly/abi.ts";
import type { RecordedFile } from "../format.ts";
import type { Descriptor } from "./values.ts";

/** A file of the log. Its size is known at the end: as far as anything ever mapped of it. */
export interface StraceFile {
  readonly event: RecordedFile & { size: number };
  readonly path: string;
  /** As it is now, where a call has set it; else null, and `event.size` covers what is mapped. */
  size: number | null;
}

/** A process's descriptors, those that the log shows being opened. */
export type Descriptors = Map<number, StraceFile>;

/** Most bytes that a file may have: an offset is a signed 64-bit number, and exact here below. */
export const FILE_BYTES_MAX = 2 ** 47;

const MEMORY = /^\/memfd:|^\/dev\/shm\/|^\/SYSV|^anon_inode:/;

export class Files {
  readonly #byPath = new Map<string, StraceFile>();
  readonly #introduce: (event: RecordedFile) => void;
  #count = 0;

  constructor(introduce: (event: RecordedFile) => void) {
    this.#introduce = introduce;
  }

  /** A file that was not there before. `size`: null when the log cannot say. */
  create(path: string, size: number | null, line: number): StraceFile {
    const file = this.#count++;
    const isMemory = MEMORY.test(path);
    const event = { kind: "file", line, file, path, size: size ?? 0, isMemory } as const;
    this.#introduce(event);
    return { event, path, size };
  }

  /** The file of a path: the same one for the same path. */
  named(path: string, line: number): StraceFile {
    const known = this.#byPath.get(path) ?? this.create(path, null, line);
    this.#byPath.set(path, known);
    return known;
  }

  /** The file behind a descriptor: what was opened, unless the log says another path. */
  of(fds: Descriptors, { fd, path }: Descriptor, line: number): StraceFile {
    const opened = fds.get(fd);
    if (opened !== undefined && (path === null || isSame(opened.path, path))) return opened;
    if (path !== null) return this.named(path, line);
    const unknown = this.create(`descriptor ${fd}`, null, line);
    fds.set(fd, unknown);
    return unknown;
  }

  /** A call has said how long the file is. */
  resize(file: StraceFile, size: number): void {
    file.size = size;
  }

  /** Something maps the file up to `end`: it is that large, unless a call has said its size. */
  reach(file: StraceFile, end: number): void {
    if (file.size !== null || end > FILE_BYTES_MAX) return;
    const whole = Math.ceil(end / PAGE_SIZE) * PAGE_SIZE;
    file.event.size = Math.max(file.event.size, whole);
  }
}

const DELETED = / ?\(deleted\)$/;

function isSame(one: string, other: string): boolean {
  return one.replace(DELETED, "") === other.replace(DELETED, "");
}
