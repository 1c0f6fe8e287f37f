// The dedicated worker of the page: its own handles, answered at once, and files for the page.

import * as pagebell from "pagebell";
import { opfsBacking, serveOpfs } from "pagebell/backing/opfs";
import { type Open, runPressure, runSuite, runSwap } from "./rounds.ts";

serveOpfs(globalThis);

const open: Open = (path) => opfsBacking(`inside/${path}`);

/** A page that is out comes back in a call that cannot wait. */
async function runSync(): Promise<number[]> {
  const backing = await opfsBacking("inside/sync");
  const machine = await pagebell.createMachine({ memory: 1 << 20, swap: { pages: 4, backing } });
  const mm = machine.createMm();
  const kind = pagebell.MAP_PRIVATE | pagebell.MAP_ANONYMOUS;
  const at = mm.mmapSync(0, 8192, pagebell.PROT_READ | pagebell.PROT_WRITE, kind);
  mm.writeSync(at, new Uint8Array(8192).fill(7));
  mm.madviseSync(at, 8192, pagebell.MADV_PAGEOUT);
  const { pswpout } = machine.vmstat();
  const [byte = -1] = mm.readSync(at + 4096, 1);
  backing.close();
  return [pswpout, byte];
}

interface Job {
  readonly job: "suite" | "swap" | "sync" | "pressure";
  readonly seed: number;
  readonly mebibytes: number;
}

addEventListener("message", async ({ data }: MessageEvent<Partial<Job>>) => {
  if (data.job === "suite") postMessage(await runSuite(open, data.seed ?? 0));
  if (data.job === "swap") postMessage(await runSwap(open));
  if (data.job === "sync") postMessage(await runSync());
  if (data.job === "pressure") {
    postMessage(await runPressure(open, data.mebibytes ?? 1, data.seed ?? 0));
  }
});
