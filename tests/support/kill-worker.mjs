// A process that writes a file through a machine, and says so, until somebody kills it.
//
//   touch PAGE BYTE    from now on this page may hold bytes of that value
//   synced             everything touched so far is durable
//
// Lines are written at once: what was said was said before what it is about, or after it was done.

import { writeSync } from "node:fs";

const [path = "", seed = "1"] = process.argv.slice(2);
const library = new URL("../../dist/", import.meta.url);
const { createMachine, MAP_FIXED, MAP_SHARED, MS_SYNC, PROT_READ, PROT_WRITE } = await import(
  new URL("index.js", library).href
);
const { nodeFileBacking } = await import(new URL("backing/node-fs.js", library).href);

const PAGE = 4096;
const PAGES = 16;
const BASE = 0x10_0000_0000;

let state = Number(seed) >>> 0;
/** @param {number} end */
function below(end) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * end);
}

/** @param {string} line */
function say(line) {
  writeSync(1, `${line}\n`);
}

const machine = await createMachine({ memory: 1024 * 1024 });
const backing = await nodeFileBacking(path, { found: "keep" });
const file = await machine.openFile({ backing });
const mm = machine.createMm();
const flags = MAP_SHARED | MAP_FIXED;
await mm.mmap(BASE, PAGES * PAGE, PROT_READ | PROT_WRITE, flags, file);

for (let byte = 1; ; byte = (byte % 254) + 1) {
  for (let writes = 1 + below(6); writes > 0; writes--) {
    const page = below(PAGES);
    say(`touch ${page} ${byte}`);
    const bytes = new Uint8Array(PAGE).fill(byte);
    const isMapped = below(2) === 0 && (page + 1) * PAGE <= file.size;
    if (isMapped) await mm.write(BASE + page * PAGE, bytes);
    else await file.write(page * PAGE, bytes);
    if (below(4) === 0) await machine.writeback({ pages: 2 });
  }
  if (below(3) === 0) await mm.msync(BASE, PAGES * PAGE, MS_SYNC);
  else await file.sync();
  say("synced");
}
