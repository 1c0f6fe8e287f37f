// Question: how many operations of a real recording are done in a second, whatever they are?
//
// The recorded calls are made one after another, without any check of the kernel's answers; what
// each one returns, errors included, goes into the checksum.

import { constants, release } from "node:os";
import { join } from "node:path";
import type { RecordedCall, Recording } from "../src/replay/format.ts";
import { loadRecording } from "../src/replay/node.ts";
import { memoryFor } from "../src/replay/size.ts";
import type { BenchCase, Work } from "./case.ts";
import { mix } from "./digest.ts";
import type { Memory, Space } from "./memory.ts";
import { scriptOf } from "./recording-script.ts";
import { ROOT } from "./root.ts";

const ERRNO: Readonly<Record<string, number>> = constants.errno;

const FOLDER = "tests/fixtures/kernel-runs/synthetic";

/** The process that a synthetic recording begins with. */
const FIRST_PROC = 0;

/** Another version may answer otherwise than the one that was recorded, and be right. */
const IS_RECORDED_KERNEL = release().startsWith("6.18.");

/** Where recordings of this kind have everything that they do. */
const ARENA = 0x1000_0000;
const ARENA_PAGES = 65_536;

const MEMORY = 64 * 1024 * 1024;

/** One recorded call and who makes it. */
export interface Step {
  readonly proc: number;
  readonly call: RecordedCall;
}

/** The case of one recording of `tests/fixtures/kernel-runs/synthetic`. */
export function recordingCase(name: string): BenchCase {
  return {
    name: `recording-${name}`,
    question: `every operation of the recording ${name}`,
    unit: "ns/operation",
    memory: () => MEMORY,
    ...(IS_RECORDED_KERNEL && { native: async () => [scriptOf(stepsOf(await load(name)))] }),
    async prepare(memory) {
      const recording = await load(name);
      if (memoryFor(recording) > MEMORY) throw new RangeError(`${name} needs more memory`);
      return workOf(memory, stepsOf(recording));
    },
  };
}

function load(name: string): Promise<Recording> {
  return loadRecording(join(ROOT, FOLDER, `${name}.jsonl.gz`));
}

export function stepsOf({ events }: Recording): Step[] {
  return events.flatMap((event) => (event.kind === "operation" ? [event] : []));
}

function workOf(memory: Memory, steps: readonly Step[]): Work {
  let spaces: (Space | undefined)[] = [];
  return {
    units: steps.length,
    setup() {
      for (const space of spaces) space?.exit();
      spaces = [];
      spaces[FIRST_PROC] = memory.createSpace();
    },
    run() {
      let sum = 0;
      for (const step of steps) sum = mix(sum, perform(spaces, step));
      return sum;
    },
    outcome(outcome) {
      this.setup();
      for (const step of steps) outcome.add(...answerOf(spaces, step));
      for (const [proc, space] of spaces.entries()) {
        if (space === undefined) continue;
        outcome.add(proc);
        outcome.addPrivate(space, ARENA, ARENA_PAGES);
      }
    },
    digest(digest) {
      for (const [proc, space] of spaces.entries()) {
        digest.add("process", proc);
        if (space !== undefined) digest.addSpace(space);
      }
    },
  };
}

/** How a call ended and with what, as bench/native/recording.c has it. */
function answerOf(spaces: (Space | undefined)[], { proc, call }: Step): [number, number] {
  const space = spaces[proc];
  if (space === undefined) throw new RangeError(`there is no process ${proc}`);
  try {
    return [Answer.Ok, dispatch(spaces, space, proc, call) >>> 0];
  } catch (error) {
    const { code, siCode } = error as { code: string; siCode?: string };
    if (siCode !== undefined) return [Answer.Signalled, siCode === "SEGV_MAPERR" ? 1 : 2];
    return [Answer.Failed, ERRNO[code] ?? 0];
  }
}

const Answer = { Ok: 0, Failed: 1, Signalled: 2 } as const;

/** What the call returned as a number; a failure as a number that nothing else returns. */
function perform(spaces: (Space | undefined)[], { proc, call }: Step): number {
  const space = spaces[proc];
  if (space === undefined) return failure("ESRCH");
  try {
    return dispatch(spaces, space, proc, call);
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    const siCode = "siCode" in error ? error.siCode : undefined;
    return failure(siCode === undefined ? `${error.code}` : `${error.code} ${siCode}`);
  }
}

/** Does one call. What has no number to return returns 0. */
export function dispatch(
  spaces: (Space | undefined)[],
  space: Space,
  proc: number,
  call: RecordedCall,
): number {
  switch (call.op) {
    case "write":
      space.store(call.addr, call.byte);
      return 0;
    case "read":
      return space.load(call.addr);
    case "mmap":
      return space.mmap(call.addr, call.len, call.prot, call.flags);
    case "munmap":
      space.munmap(call.addr, call.len);
      return 0;
    case "mprotect":
      space.mprotect(call.addr, call.len, call.prot);
      return 0;
    case "mremap":
      return space.mremap(call.addr, call.oldLen, call.newLen, call.flags, call.newAddr);
    case "madvise":
      space.madvise(call.addr, call.len, call.advice);
      return 0;
    case "mlock":
      space.mlock(call.addr, call.len);
      return 0;
    case "munlock":
      space.munlock(call.addr, call.len);
      return 0;
    case "msync":
      space.msync(call.addr, call.len, call.flags);
      return 0;
    case "mincore":
      return residence(space.mincore(call.addr, call.len));
    case "fork":
      spaces[call.child] = space.fork();
      return 0;
    case "exit":
      space.exit();
      spaces[proc] = undefined;
      return 0;
    default:
      throw new RangeError(`a recording with ${call.op} cannot be a case yet`);
  }
}

function residence(pages: Uint8Array): number {
  let sum = 0;
  for (const page of pages) sum = mix(sum, page);
  return sum;
}

function failure(code: string): number {
  let sum = -1;
  for (let at = 0; at < code.length; at++) sum = mix(sum, code.charCodeAt(at));
  return sum;
}
