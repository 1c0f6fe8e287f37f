// What the shell knows of a file: the engine's handle of it, and whether that may still be used.
//
// Invariants
//   I5  A handle is given to the engine only until its file is released: after that it may soon be
//       that of another one.
//   I6  `core.files` has what was made with a name, `core.sharedMemory` what a notice had to name
//       though nobody made it; neither outlives the next thing that gets its handle.

import { MAP_ANONYMOUS, Status } from "../assembly/abi.ts";
import { typeError } from "./arguments.ts";
import type { Core } from "./core.ts";
import { MemoryError } from "./errors.ts";
import type { File } from "./file.ts";
import type { Bracket } from "./notifier/bracket.ts";

/** What store a file behaves as: `memory` as a memfd, `disk` as a file of a disk file system. */
export type FileStore = "memory" | "disk";

/** Key of a file's internal half. */
export const FILE: unique symbol = Symbol("file");

/** What shared anonymous memory is called, which has no file that anybody made. */
const SHARED_MEMORY = "shm";

export class FileState {
  readonly core: Core;
  readonly mapping: number;
  readonly name: string;
  readonly kind: FileStore;
  /** Released by its owner; mappings of it live on. */
  isReleased = false;
  /** The object that callbacks get: one per file, whoever asks. */
  readonly file: File;

  constructor(core: Core, mapping: number, name: string, kind: FileStore) {
    this.core = core;
    this.mapping = mapping;
    this.name = name;
    this.kind = kind;
    this.file = core.objects.file(this, null);
  }

  /** The object that stands for it: always the same one, but for calls out of a callback. */
  fileFor(context: Bracket | null): File {
    return context === null ? this.file : this.core.objects.file(this, context);
  }
}

/** The internal half of a File; one of another machine, or anything else, is a wrong type. */
export function stateOf(core: Core, file: File): FileState {
  const state: FileState | undefined = (file as Partial<File> | null | undefined)?.[FILE];
  if (state === undefined) throw typeError("file", "a File", file);
  if (state.core !== core) throw new TypeError("file: it belongs to another machine");
  return state;
}

/** The mapping to map: 0 for none, or for one that MAP_ANONYMOUS ignores. EBADF when released. */
export function mappingOf(core: Core, file: File | null | undefined, flags: number): number {
  if (file === null || file === undefined) return 0;
  const state = stateOf(core, file);
  if ((flags & MAP_ANONYMOUS) !== 0) return 0;
  if (!state.isReleased) return state.mapping;
  throw new MemoryError(Status.EBADF, "mmap", { reason: "the file was released" });
}

/**
 * The file of a handle that a notice names. Shared anonymous memory gets one that says what it is
 * and takes no calls.
 */
export function fileOf(core: Core, mapping: number): File {
  const known = core.files.get(mapping) ?? core.sharedMemory.get(mapping);
  if (known !== undefined) return known.file;
  const state = new FileState(core, mapping, SHARED_MEMORY, "memory");
  state.isReleased = true;
  core.sharedMemory.set(mapping, state);
  return state.file;
}

/** The engine has given a handle to new memory without a file: what had it before is gone. */
export function forgetFile(core: Core, mapping: number): void {
  core.files.delete(mapping);
  core.sharedMemory.delete(mapping);
}
