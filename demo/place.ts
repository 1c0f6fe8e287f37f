// Where an engine runs, as the page sees it: a port that one talks through.

import engineAddress from "../build/release.wasm?url";
import type { Hello, ToEngine, ToPage } from "./protocol.ts";
import { serve } from "./serve.ts";

export const PLACES = ["worker", "main"] as const;
export type PlaceName = (typeof PLACES)[number];

/** What a place is called in the page. */
export const PLACE_TITLES: Record<PlaceName, string> = {
  worker: "Worker",
  main: "main thread",
};

let compiled: Promise<WebAssembly.Module> | null = null;

/** The engine, fetched and compiled once for both places. */
function engine(): Promise<WebAssembly.Module> {
  compiled ??= fetch(engineAddress)
    .then((response) => response.arrayBuffer())
    .then((bytes) => WebAssembly.compile(bytes));
  return compiled;
}

export class Place {
  readonly #port: MessagePort;
  readonly #worker: Worker | null;

  private constructor(port: MessagePort, worker: Worker | null, hear: (said: ToPage) => void) {
    this.#port = port;
    this.#worker = worker;
    port.onmessage = ({ data }: MessageEvent<ToPage>) => hear(data);
  }

  /** Starts an engine's side there; `hear` gets what it says. */
  static async start(name: PlaceName, hear: (message: ToPage) => void): Promise<Place> {
    const { port1, port2 } = new MessageChannel();
    const module = await engine();
    if (name === "worker") return new Place(port2, startWorker(port1, { engine: module }), hear);
    serve(port1, module);
    return new Place(port2, null, hear);
  }

  say(message: ToEngine): void {
    this.#port.postMessage(message);
  }

  /** Nothing is heard from then on. */
  close(): void {
    this.#port.close();
    this.#worker?.terminate();
  }
}

function startWorker(port: MessagePort, hello: Hello): Worker {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.postMessage(hello, [port]);
  return worker;
}
