// The engine's side of a port: the same code in a Worker and on the page's own thread.

import { readRecording, replay } from "../src/replay/index.ts";
import { createMachine } from "../src/slim.ts";
import { Lease } from "./lease.ts";
import type { ToEngine, ToPage } from "./protocol.ts";

const LEASE_MEMORY = 1024 * 1024;

/** Answers what comes through `port`, for as long as somebody asks. */
export function serve(port: MessagePort, engine: WebAssembly.Module): void {
  const say = (message: ToPage) => port.postMessage(message);
  let lease: Lease | null = null;

  async function handle(message: ToEngine): Promise<void> {
    switch (message.kind) {
      case "replay":
        return replayOne(engine, message.file, message.bytes, say);
      case "open":
        lease = new Lease(await createMachine({ engine, memory: LEASE_MEMORY }), say);
        return lease.open();
      case "hold":
        return lease?.hold(message.index, message.on);
      case "munmap":
        return lease?.munmap(message.from, message.to);
      case "answer":
        return lease?.answer(message.answer);
    }
  }

  port.onmessage = ({ data }: MessageEvent<ToEngine>) => {
    handle(data).catch((cause: unknown) => {
      say({ kind: "failed", message: cause instanceof Error ? cause.message : String(cause) });
    });
  };
}

async function replayOne(
  engine: WebAssembly.Module,
  file: string,
  bytes: Uint8Array,
  say: (message: ToPage) => void,
): Promise<void> {
  const recording = await readRecording(file, bytes);
  const progress = (done: number, total: number) => say({ kind: "progress", done, total });
  const report = await replay(recording, { engine, answersLater: true, progress });
  say({ kind: "report", report });
}
