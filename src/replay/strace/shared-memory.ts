// System V shared memory: a segment is a file of memory, attaching it maps it.

import type { RecordedCall } from "../format.ts";
import type { StraceFile } from "./descriptors.ts";
import { attach, type CallContext, fileBytes } from "./memory-calls.ts";
import { NotModelled } from "./unreadable.ts";
import { hasFlag, number } from "./values.ts";

interface Segment {
  readonly file: StraceFile;
  readonly bytes: number;
}

/** The segments of a log, by their identifiers. */
export class SharedMemory {
  readonly #segments = new Map<number, Segment>();

  /** shmget: a new segment, or one that is known. */
  get({ args, files, line, result }: CallContext): null {
    const { value } = result;
    if (value === null || this.#segments.has(value)) return null;
    const bytes = fileBytes(args[1]);
    this.#segments.set(value, { file: files.create(`/SYSV${value}`, bytes, line), bytes });
    return null;
  }

  /** shmat. `attached` learns how long what is at an address is. */
  at({ args, result }: CallContext, attached: Map<number, number>): RecordedCall | null {
    const segment = this.#segments.get(number(args[0]));
    if (result.value === null) return null;
    if (segment === undefined) throw new NotModelled("shmat of a segment that was there before");
    const { file, bytes } = segment;
    attached.set(result.value, bytes);
    return attach(file.event.file, result.value, bytes, hasFlag(args[2] ?? "", "SHM_RDONLY"));
  }

  /** shmdt: unmaps what shmat mapped there. */
  detach({ args, result }: CallContext, attached: Map<number, number>): RecordedCall | null {
    const address = number(args[0]);
    const bytes = attached.get(address);
    if (result.value === null) return null;
    if (bytes === undefined) throw new NotModelled("shmdt of a segment that was there before");
    attached.delete(address);
    return { op: "munmap", addr: address, len: bytes };
  }
}
