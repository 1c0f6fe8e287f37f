// What a dedicated worker does with OPFS: opens files for itself, and for pages that ask it to.

import type { DirectBacking } from "./backing.ts";
import { type OpfsFileOptions, openOpfs } from "./opfs-file.ts";
import { serveBacking } from "./remote.ts";
import { handleBacking } from "./sync-handle.ts";

/** What a page asks first, with the port that the rest goes by. */
export interface Opening {
  readonly pagebell: "opfs";
  readonly path: string;
  readonly found: OpfsFileOptions["found"];
}

/**
 * Opens the file at `path`, its folders parted by "/", in the dedicated worker that this is called
 * in. Rejects with what the browser says; TypeError anywhere else.
 */
export async function opfsBacking(
  path: string,
  options: OpfsFileOptions = {},
): Promise<DirectBacking> {
  return handleBacking(await openOpfs(path, options));
}

/**
 * Opens files for pages that ask through `scope`: a worker's `self`, or a port. For a worker to
 * call while its script is run for the first time, or messages may be lost.
 */
export function serveOpfs(scope: Pick<MessagePort, "addEventListener"> & { start?(): void }): void {
  scope.addEventListener("message", (event) => {
    const { data, ports } = event as MessageEvent<Opening>;
    const [port] = ports;
    if (data?.pagebell !== "opfs" || port === undefined) return;
    const { path, found } = data;
    void serveBacking(port, opfsBacking(path, found === undefined ? {} : { found }));
  });
  scope.start?.();
}
