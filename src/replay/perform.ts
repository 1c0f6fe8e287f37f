// One recorded operation, done by the public API; its answer in the recording's own terms.

import { AreaName, TASK_SIZE } from "../../assembly/abi.ts";
import { MemoryError, type SignalCode } from "../errors.ts";
import type { Mm } from "../mm.ts";
import { SPACE } from "../space.ts";
import type { RecordedCall, RecordedOperation, RecordedResult } from "./format.ts";
import type { World } from "./world.ts";

/** `si_code` by name: Linux's numbers. */
const SI_CODE: Readonly<Record<SignalCode, number>> = {
  SEGV_MAPERR: 1,
  SEGV_ACCERR: 2,
  BUS_ADRERR: 2,
};

const DONE: RecordedResult = { ret: 0 };
const NO_PROCESS: RecordedResult = { errno: "ESRCH" };
const NO_FILE: RecordedResult = { errno: "EBADF" };

/** Does it. What fails in the machine is an answer too; only a broken engine throws. */
export async function perform(world: World, event: RecordedOperation): Promise<RecordedResult> {
  const mm = world.procs.get(event.proc);
  if (mm === undefined) return NO_PROCESS;
  try {
    return await call(world, mm, event);
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    if (error.siCode === undefined) return { errno: error.code };
    return { signal: error.code, code: SI_CODE[error.siCode] };
  }
}

async function call(world: World, mm: Mm, event: RecordedOperation): Promise<RecordedResult> {
  const ask = event.call;
  switch (ask.op) {
    case "fork":
      world.procs.set(ask.child, await mm.fork());
      return DONE;
    case "exit":
      await world.exit(event.proc);
      return DONE;
    case "ftruncate":
    case "punch":
    case "fwrite":
    case "fread":
      return callFile(world, ask);
    case "write":
    case "read":
    case "fault":
      return access(world, mm, ask);
    default:
      return callMm(world, mm, ask);
  }
}

type FileCall = Extract<RecordedCall, { op: "ftruncate" | "punch" | "fwrite" | "fread" }>;
type AccessCall = Extract<RecordedCall, { op: "write" | "read" | "fault" }>;
type MmCall = Exclude<RecordedCall, FileCall | AccessCall | { op: "fork" | "exit" }>;

async function callMm(world: World, mm: Mm, ask: MmCall): Promise<RecordedResult> {
  switch (ask.op) {
    case "mmap": {
      const { addr, len, prot, flags, file, off } = ask;
      return { ret: await mm.mmap(addr, len, prot, flags, world.file(file), off) };
    }
    case "mremap":
      return { ret: await mm.mremap(ask.addr, ask.oldLen, ask.newLen, ask.flags, ask.newAddr) };
    case "brk":
      return { ret: await mm.brk(ask.addr) };
    case "mincore":
      return { ret: (await mm.mincore(ask.addr, ask.len)).join("") };
    case "munmap":
      await mm.munmap(ask.addr, ask.len);
      return DONE;
    case "mlock":
      await mm.mlock(ask.addr, ask.len);
      return DONE;
    case "mlock2":
      await mm.mlock(ask.addr, ask.len, ask.flags);
      return DONE;
    case "mlockall":
      await mm.mlockall(ask.flags);
      return DONE;
    case "munlockall":
      await mm.munlockall();
      return DONE;
    case "munlock":
      await mm.munlock(ask.addr, ask.len);
      return DONE;
    case "mprotect":
      await mm.mprotect(ask.addr, ask.len, ask.prot);
      return DONE;
    case "madvise":
      await mm.madvise(ask.addr, ask.len, ask.advice);
      return DONE;
    case "msync":
      await mm.msync(ask.addr, ask.len, ask.flags);
      return DONE;
  }
}

async function access(world: World, mm: Mm, ask: AccessCall): Promise<RecordedResult> {
  if (ask.op === "read") return { ret: (await mm.read(ask.addr, 1))[0] ?? 0 };
  if (ask.op === "write") {
    await mm.write(ask.addr, Uint8Array.of(ask.byte));
    return DONE;
  }
  if (!isKernels(world, mm, ask.addr)) await mm.fault(ask.addr, { write: ask.write });
  return {};
}

/** Whether the kernel itself provides the page there (vdso, vvar, vsyscall): no effect here. */
function isKernels({ core }: World, mm: Mm, address: number): boolean {
  if (address >= TASK_SIZE) return true;
  const area = core.engine.areaAfter(mm[SPACE].handle, address);
  return area !== null && area.start <= address && area.name >= AreaName.Vdso;
}

async function callFile(world: World, ask: FileCall): Promise<RecordedResult> {
  const file = world.file(ask.file);
  if (file === null) return NO_FILE;
  switch (ask.op) {
    case "fread":
      return { ret: (await file.read(ask.off, 1))[0] ?? null };
    case "fwrite":
      await file.write(ask.off, Uint8Array.of(ask.byte));
      return DONE;
    case "ftruncate":
      await file.truncate(ask.size);
      return DONE;
    case "punch":
      await file.punch(ask.off, ask.len);
      return DONE;
  }
}
