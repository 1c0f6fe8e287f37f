// The calls that say which file a descriptor is, and how long it is.

import type { RecordedCall } from "../format.ts";
import type { StraceFile } from "./descriptors.ts";
import { type CallContext, fileBytes } from "./memory-calls.ts";
import { NotModelled } from "./unreadable.ts";
import { descriptor, flags, quoted } from "./values.ts";

const KEEP_SIZE = 0x1;
const PUNCH_HOLE = 0x2;

type FileCall = Extract<RecordedCall, { op: "ftruncate" | "punch" }>;

/** Follows the descriptors; the operation on a file that is to be replayed, if it is one. */
type Reader = (context: CallContext) => FileCall | null;

export const FILE_CALLS: Readonly<Record<string, Reader>> = {
  open: (c) => opened(c, quoted(c.args[0])),
  creat: (c) => opened(c, quoted(c.args[0])),
  openat: (c) => opened(c, quoted(c.args[1])),
  openat2: (c) => opened(c, quoted(c.args[1])),
  memfd_create: (c) => created(c),
  close: (c) => closed(c),
  dup: (c) => duplicated(c),
  dup2: (c) => duplicated(c),
  dup3: (c) => duplicated(c),
  fcntl: (c) => (/^F_DUPFD/.test(c.args[1] ?? "") ? duplicated(c) : null),
  ftruncate: (c) => resized(c, fileOf(c), fileBytes(c.args[1])),
  fallocate,
};

function opened({ descriptors, files, line, result }: CallContext, path: string | null): null {
  const name = result.path ?? path;
  if (result.value !== null && name !== null) {
    descriptors.set(result.value, files.named(name, line));
  }
  return null;
}

function created({ args, descriptors, files, line, result }: CallContext): null {
  if (result.value === null) return null;
  const path = `/memfd:${quoted(args[0]) ?? ""}`;
  descriptors.set(result.value, files.create(path, 0, line));
  return null;
}

function closed({ args, descriptors, result }: CallContext): null {
  if (result.value !== null) descriptors.delete(descriptor(args[0]).fd);
  return null;
}

function duplicated({ args, descriptors, files, line, result }: CallContext): null {
  const from = descriptor(args[0]);
  if (result.value === null) return null;
  const known = descriptors.has(from.fd) || from.path !== null;
  if (known) descriptors.set(result.value, files.of(descriptors, from, line));
  else descriptors.delete(result.value);
  return null;
}

function fileOf({ args, descriptors, files, line }: CallContext): StraceFile {
  return files.of(descriptors, descriptor(args[0]), line);
}

/** A file of another size. One that nobody has mapped yet simply has it. */
function resized({ files, result }: CallContext, file: StraceFile, size: number): FileCall | null {
  if (result.value === null) return null;
  files.resize(file, size);
  return { op: "ftruncate", file: file.event.file, size };
}

function fallocate(context: CallContext): FileCall | null {
  const { args, files, result } = context;
  if (result.value === null) return null;
  const file = fileOf(context);
  const [mode, off, len] = [flags(args[1]), fileBytes(args[2]), fileBytes(args[3])];
  if (mode & PUNCH_HOLE) {
    files.reach(file, off + len);
    return { op: "punch", file: file.event.file, off, len };
  }
  // The size stays with FALLOC_FL_KEEP_SIZE alone; whatever else moves or replaces contents.
  if (mode === KEEP_SIZE) return null;
  if (mode !== 0) throw new NotModelled(`fallocate with ${args[1]}`.slice(0, 60));
  return off + len > (file.size ?? 0) ? resized(context, file, off + len) : null;
}
