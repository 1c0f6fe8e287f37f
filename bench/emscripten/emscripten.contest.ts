// Questions: what do mmap, touch and munmap cost, beside those of Emscripten's library, which keeps
// maps in a list over its allocator?
//
// It clears pages when they are mapped, and all of its work is inside WebAssembly; we are called
// from JavaScript, once a page where pages are touched by writing to them.

import {
  createMachineSync,
  MAP_ANONYMOUS,
  MAP_POPULATE,
  MAP_PRIVATE,
  type Mm,
  PROT_READ,
  PROT_WRITE,
} from "../../src/sync.ts";
import { parameter, type Size, type Work } from "../case.ts";
import { type Contest, ours, script, type WorkMaker } from "../contests/contest.ts";
import { missingMade } from "../contests/program.ts";
import type { Digest } from "../digest.ts";
import { PAGE } from "../memory.ts";
import { memoryForPages, touchedByte, touchedValue } from "../region.ts";
import { type EmscriptenModule, loadModule, MODULE } from "./module.ts";

/** Pages that one run maps, in regions of the question's size. */
const PAGES_A_RUN = parameter("PAGES_A_RUN", { test: 64, full: 4_096 });
const LIVE = parameter("LIVE", { test: 64, full: 1_000 });
const REPLACED = parameter("REPLACED", { test: 64, full: 1_000 });

/** How much smaller regions are with the size "test". */
const TEST_SHARE = 256;
/** Which map is replaced: prime to how many there are. */
const STEP = 393;
const MEMORY = 32 * 2 ** 20;
const RW = PROT_READ | PROT_WRITE;
const ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS;

/** How pages come: each when it is written to, or all when they are mapped. */
type Coming = "touched" | "populated";

interface Cycle {
  readonly times: number;
  readonly pages: number;
  readonly coming: Coming;
}

export const emscriptenContests: readonly Contest[] = [
  cycles("cycle-1", "map a page, write to it, unmap it", 1, "touched"),
  cycles("cycle-512", "map 512 pages, write to each, unmap them", 512, "touched"),
  cycles("cycle-16384", "map 64 MiB, write to each page, unmap it", 16_384, "touched"),
  cycles("cycle-populate-512", "map 512 cleared pages, unmap them", 512, "populated"),
  cycles("cycle-populate-16384", "map 64 MiB of cleared pages, unmap it", 16_384, "populated"),
  {
    name: "cycle-live-1000",
    question: "unmap one of 1,000 maps and map it again, untouched",
    unit: "ns/pair",
    contestants: [ours(ourReplacing), emscripten(theirReplacing)],
  },
];

function cycles(name: string, question: string, pages: number, coming: Coming): Contest {
  const cycle = (size: Size): Cycle => {
    const wanted = size === "test" ? Math.ceil(pages / TEST_SHARE) : pages;
    return { times: Math.ceil(PAGES_A_RUN(size) / wanted), pages: wanted, coming };
  };
  return {
    name,
    question,
    unit: "ns/page",
    contestants: [
      ours((size) => ourCycles(cycle(size))),
      emscripten((module, size) => theirCycles(module, cycle(size))),
    ],
  };
}

function emscripten(make: (module: EmscriptenModule, size: Size) => Work) {
  const worker: WorkMaker = async (size) => make(await loadModule(), size);
  return script("emscripten", worker, () => missingMade(MODULE));
}

function ourCycles({ times, pages, coming }: Cycle): Work {
  const mm = createMachineSync({ memory: memoryForPages(pages) }).createMm();
  const flags = coming === "populated" ? ANONYMOUS | MAP_POPULATE : ANONYMOUS;
  return {
    units: times * pages,
    setup: () => {},
    run() {
      for (let time = 0; time < times; time++) {
        const start = mm.mmapSync(0, pages * PAGE, RW, flags);
        if (coming === "touched") touchAll(mm, start, pages);
        mm.munmapSync(start, pages * PAGE);
      }
      return times * pages;
    },
    digest(digest) {
      const start = mm.mmapSync(0, pages * PAGE, RW, ANONYMOUS);
      touchAll(mm, start, pages);
      addCycle(digest, coming, mm.readSync(start, pages * PAGE));
    },
  };
}

function theirCycles(module: EmscriptenModule, { times, pages, coming }: Cycle): Work {
  return {
    units: times * pages,
    setup: () => {},
    run: () => module._cycle(times, pages, coming === "touched" ? 1 : 0),
    digest(digest) {
      const start = module._map_touched(pages);
      addCycle(digest, coming, module.HEAPU8.subarray(start, start + pages * PAGE));
    },
  };
}

/** A region that was mapped after others had been used: cleared, but for what was written. */
function addCycle(digest: Digest, coming: Coming, bytes: Uint8Array): void {
  digest.add(coming);
  digest.addBytes(bytes);
}

const byte = new Uint8Array(1);

function touchAll(mm: Mm, start: number, pages: number): void {
  for (let page = 0; page < pages; page++) {
    byte[0] = touchedValue(page);
    mm.writeSync(start + page * PAGE + touchedByte(page), byte);
  }
}

/** Of neighbours only one may be written, so that they are areas of their own. */
function ourReplacing(size: Size): Work {
  const mm = createMachineSync({ memory: MEMORY }).createMm();
  const [count, times] = [LIVE(size), REPLACED(size)];
  const map = (at: number) => mm.mmapSync(0, PAGE, at % 2 === 0 ? RW : PROT_READ, ANONYMOUS);
  const live = Array.from({ length: count }, (_, at) => map(at));
  return {
    units: times,
    setup: () => {},
    run() {
      for (let time = 0; time < times; time++) {
        const at = (time * STEP) % count;
        mm.munmapSync(live[at] as number, PAGE);
        live[at] = map(at);
      }
      return times;
    },
    digest: (digest) => digest.add(count, [...mm.areas()].length, "live"),
  };
}

function theirReplacing(module: EmscriptenModule, size: Size): Work {
  const [count, times] = [LIVE(size), REPLACED(size)];
  if (module._fill(count) !== 0) throw new Error("emscripten: its memory is too small");
  return {
    units: times,
    setup: () => {},
    run: () => module._replace(times, count),
    // It cannot tell what is mapped: that nothing failed says that all are there.
    digest: (digest) => digest.add(count, count, "live"),
  };
}
