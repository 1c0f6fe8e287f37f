// The page's own thread: files by way of the package's worker, of a worker of its own, of a port.

import { opfsBacking, opfsWorkerBacking } from "pagebell/backing/opfs";
import { type Failures, type Open, runPressure, runSuite, runSwap } from "./rounds.ts";

const inside = new Worker(new URL("./inside.ts", import.meta.url), { type: "module" });

type Job = "suite" | "swap" | "sync" | "pressure";

/** What the worker answers to a job. */
function ask(job: Job, seed: number, mebibytes = 1): Promise<unknown> {
  return new Promise((resolve, reject) => {
    inside.onmessage = ({ data }) => resolve(data);
    inside.onerror = ({ message }) => reject(new Error(message));
    inside.postMessage({ job, seed, mebibytes });
  });
}

const open: Open = (path) => opfsWorkerBacking(`page/${path}`);
const openBy: Open = (path) => opfsWorkerBacking(`by/${path}`, { worker: inside });

/** Name, code and message of what a call fails with. */
async function failureOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    const { name, code, message } = error as Error & { code?: unknown };
    return [name, ...(code === undefined ? [] : [code]), message].join(" ");
  }
  return "nothing";
}

const rounds = {
  direct: (seed: number) => ask("suite", seed) as Promise<Failures>,
  worker: (seed: number) => runSuite(open, seed),
  ownWorker: (seed: number) => runSuite(openBy, seed),
  directSwap: () => ask("swap", 0),
  workerSwap: () => runSwap(open),
  directSync: () => ask("sync", 0),
  directPressure: (mebibytes: number, seed: number) => ask("pressure", seed, mebibytes),
  workerPressure: (mebibytes: number, seed: number) => runPressure(open, mebibytes, seed),

  /** One file after another: emptied, kept, exclusive. */
  async found(): Promise<unknown[]> {
    const sizes: unknown[] = [];
    for (const found of ["keep", "keep", "empty"] as const) {
      const backing = await opfsWorkerBacking("a/b/found", { found });
      sizes.push(await backing.size());
      await backing.write(0, Uint8Array.of(1, 2, 3));
      await backing.close();
    }
    sizes.push(await failureOf(opfsWorkerBacking("a/b/found", { found: "exclusive" })));
    const fresh = await opfsWorkerBacking("a/b/fresh", { found: "exclusive" });
    sizes.push(await fresh.size());
    await fresh.close();
    return sizes;
  },

  /** What a file that cannot be opened says. */
  opened: (path: string) => failureOf(opfsWorkerBacking(path).then((backing) => backing.close())),

  /** Whatever cannot be is an error, and nothing hangs. */
  async failures(): Promise<string[]> {
    const held = await opfsWorkerBacking("held");
    const words = [
      await failureOf(opfsWorkerBacking("held")),
      await failureOf(opfsWorkerBacking("")),
      await failureOf(opfsBacking("page-thread")),
    ];
    await held.close();
    const again = await opfsWorkerBacking("held");
    words.push(`then ${await again.size()}`);
    await again.close();
    return words;
  },
};

export type Rounds = typeof rounds;

Object.assign(window, { rounds });
