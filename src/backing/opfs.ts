// pagebell/backing/opfs: bytes in the origin's private file system, which browsers keep for a site.
//
//   the machine runs in             bytes by way of
//   a dedicated worker              opfsBacking         at once: sync calls never wait
//   the page's own thread           opfsWorkerBacking   messages: sync calls get EAGAIN first
//                                     │
//                                   opfs-worker.js, or a worker that calls `serveOpfs`
//
// One backing holds its file alone: to open it twice fails with NoModificationAllowedError.

import type { AsyncBacking } from "./backing.ts";
import type { OpfsFileOptions } from "./opfs-file.ts";
import type { Opening } from "./opfs-serve.ts";
import { Remote } from "./remote.ts";

export type { AsyncBacking, Backing, DirectBacking } from "./backing.ts";
export type { OpfsFileOptions } from "./opfs-file.ts";
export { opfsBacking, serveOpfs } from "./opfs-serve.ts";

/** How a page reaches its file. */
export interface OpfsWorkerOptions extends OpfsFileOptions {
  /**
   * Who opens the file: a worker, or a port to one, that has called `serveOpfs`. It stays the
   * caller's, and may serve many files. Default: a worker of this package, which ends on `close`.
   */
  readonly worker?: Worker | MessagePort;
}

/** The same file, opened by a worker. Rejects with what that says, or when there is none. */
export async function opfsWorkerBacking(
  path: string,
  options: OpfsWorkerOptions = {},
): Promise<AsyncBacking> {
  const own = options.worker === undefined ? startWorker() : null;
  const { port1, port2 } = new MessageChannel();
  const remote = new Remote(port1, () => own?.terminate());
  own?.addEventListener("error", ({ message }) => {
    remote.fail(new Error(`the worker failed: ${message || "its script could not be run"}`));
  });
  const opening: Opening = { pagebell: "opfs", path, found: options.found };
  (own ?? options.worker)?.postMessage(opening, [port2]);
  try {
    await remote.ready;
  } catch (error) {
    remote.fail(error as Error);
    throw error;
  }
  return remote;
}

function startWorker(): Worker {
  return new Worker(new URL("./opfs-worker.js", import.meta.url), { type: "module" });
}
