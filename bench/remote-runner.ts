// One side of one case in a worker of its own: nothing that V8 learns there, and no garbage, is
// shared with another side.
//
// Invariants
//   W1  One request is under way at a time; each gets one answer.

import { parentPort, Worker, workerData } from "node:worker_threads";
import type { Size } from "./case.ts";
import { CASES } from "./cases.ts";
import { contestantNamed } from "./contests/all.ts";
import { LocalRunner, type Proof, type Round, type Runner } from "./runner.ts";
import { isSideName, SIDES } from "./sides/all.ts";

/** Which side of which case a worker is for. */
export interface Assignment {
  /** Of a case or of a contest. */
  readonly caseName: string;
  readonly side: string;
  readonly size: Size;
}

type Request = { readonly kind: "prove" } | { readonly kind: "round"; readonly round: Round };

export class RemoteRunner implements Runner {
  readonly #worker: Worker;

  /** `script` is what the worker runs: it has to come to `serve`. */
  constructor(script: URL, assignment: Assignment) {
    this.#worker = new Worker(script, { workerData: assignment });
  }

  prove(): Promise<Proof> {
    return this.#ask({ kind: "prove" });
  }

  round(round: Round): Promise<number[]> {
    return this.#ask({ kind: "round", round });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask<T>(request: Request): Promise<T> {
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      const onMessage = (answer: T) => settle(() => resolve(answer));
      const onError = (error: Error) => settle(() => reject(error));
      const onExit = (code: number) =>
        settle(() => reject(new Error(`a side's worker ended with code ${code}`)));
      const settle = (then: () => void) => {
        worker.off("message", onMessage).off("error", onError).off("exit", onExit);
        then();
      };
      worker.on("message", onMessage).on("error", onError).on("exit", onExit);
      worker.postMessage(request);
    });
  }
}

/** In a worker: does what it is asked until it is terminated. What fails ends the worker. */
export function serve(): void {
  const runner = runnerOf(workerData as Assignment);
  const port = parentPort;
  if (port === null) throw new Error("serve is for workers");
  port.on("message", async (request: Request) => {
    port.postMessage(
      request.kind === "prove" ? await runner.prove() : await runner.round(request.round),
    );
  });
}

function runnerOf({ caseName, side, size }: Assignment): Runner {
  const one = CASES.find(({ name }) => name === caseName);
  if (one !== undefined && isSideName(side)) return new LocalRunner(one, SIDES[side], size);
  const [contest, contestant] = contestantNamed(caseName, side);
  return contestant.run(contest, size);
}
