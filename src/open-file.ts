// Opening a file whose bytes a backing has.

import { Status } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import type { Failure } from "./ask-backing.ts";
import { BackedFile } from "./backed-file.ts";
import type { Backing } from "./backing/backing.ts";
import type { Call } from "./call.ts";
import type { Core } from "./core.ts";
import { MemoryError, wordsOf } from "./errors.ts";
import type { File } from "./file.ts";
import { FileState, forgetFile } from "./file-state.ts";
import { Lane } from "./lane.ts";
import type { Bracket } from "./notifier/bracket.ts";
import { Pending } from "./pending.ts";
import type { Work } from "./writeback.ts";

export interface OpenFileOptions {
  /** Where the bytes are: one backing is one file of one machine. */
  readonly backing: Backing;
  /** As `maps` shows it. */
  readonly name?: string;
}

const METHODS = ["read", "write", "size", "truncate", "sync"] as const;

/** Checks what a caller passed. */
export function openOptionsOf(options: OpenFileOptions): OpenFileOptions {
  take.options(options, "options");
  if (options === undefined) throw take.typeError("options", "an object", options);
  take.methods(options.backing, "backing", METHODS);
  if (options.name !== undefined) take.text(options.name, "name");
  return options;
}

/** Asks the backing for its size, and makes the file. EIO where it cannot say; ENOMEM; EBUSY. */
export function* opening(
  whole: Call,
  { backing, name }: OpenFileOptions,
  context: Bracket | null,
): Work<File> {
  const { core } = whole;
  const known = knownOf(core, backing);
  if (known !== null) return again(whole, known, name, context);
  const asked = new Pending();
  let size: unknown;
  new Lane(core).share(
    () => backing.size(),
    (failure, answer) => {
      size = answer;
      asked.end(failure);
    },
  );
  yield asked;
  if (asked.failure !== null) throw unread(whole, asked.failure);
  if (!Number.isSafeInteger(size) || (size as number) < 0) {
    throw unread(whole, { cause: new RangeError(`a size of ${wordsOf(size)}`) });
  }
  const meanwhile = knownOf(core, backing);
  if (meanwhile !== null) return again(whole, meanwhile, name, context);
  return made(core, backing, size as number, name, context);
}

function knownOf(core: Core, backing: Backing): BackedFile | null {
  for (const file of core.backed.values()) if (file.backing === backing) return file;
  return null;
}

/** The file is still there, with what was not yet stored: it is the same one. */
function again(
  whole: Call,
  file: BackedFile,
  name: string | undefined,
  context: Bracket | null,
): File {
  const { core, mapping } = file;
  if (!file.isReleased) throw whole.error(Status.EBUSY, { reason: "its backing is open already" });
  file.isReleased = false;
  core.engine.writeback.hold(mapping);
  return named(core, mapping, name, context);
}

function made(
  core: Core,
  backing: Backing,
  size: number,
  name: string | undefined,
  context: Bracket | null,
): File {
  const mapping = core.engine.writeback.open(size);
  if (mapping < 0) throw new MemoryError(mapping, "openFile");
  // One reference is the owner's, one is kept until everything is stored.
  core.engine.writeback.hold(mapping);
  forgetFile(core, mapping);
  core.backed.set(mapping, new BackedFile(core, mapping, backing, size));
  return named(core, mapping, name, context);
}

function named(core: Core, mapping: number, name: string | undefined, context: Bracket | null) {
  const state = new FileState(core, mapping, name ?? `file${mapping}`, "disk");
  core.files.set(mapping, state);
  return state.fileFor(context);
}

function unread(whole: Call, { cause }: Failure): MemoryError {
  return whole.error(Status.EIO, { reason: `its size is not known: ${wordsOf(cause)}`, cause });
}
