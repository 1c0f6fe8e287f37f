// pagebell/backing/node-fs: bytes in a file, by Node.

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import type { AsyncBacking } from "./backing.ts";
import { positionOf } from "./position.ts";
import { readWhole, writeWhole } from "./positional.ts";

export type { AsyncBacking, Backing } from "./backing.ts";

/** How the file at a path becomes the backing's. */
export interface NodeFileOptions {
  /**
   * What becomes of a file that is there: `empty` cuts it to nothing, `keep` has its bytes,
   * `exclusive` fails with EEXIST. One that is not there is made by all three. Default: `empty`.
   */
  readonly found?: "empty" | "keep" | "exclusive";
  /** Permissions of a file that is made. Default 0o600: pages of memory may be in it. */
  readonly mode?: number;
}

const MADE = constants.O_RDWR | constants.O_CREAT;
const FLAGS = {
  empty: MADE | constants.O_TRUNC,
  keep: MADE,
  exclusive: MADE | constants.O_EXCL,
} as const;

/**
 * Opens the file at `path`, or makes it, and holds it open. Rejects with Node's own error where
 * that cannot be; so do its calls. `sync` is fdatasync, after the first of which the file's name is
 * durable as well.
 */
export async function nodeFileBacking(
  path: string,
  options: NodeFileOptions = {},
): Promise<AsyncBacking> {
  const { found = "empty", mode = 0o600 } = options;
  const file = await open(path, FLAGS[found], mode);
  let isNamed = false;
  return {
    read: (position, into) => readWhole(file, position, into),
    write: (position, from) => writeWhole(file, position, from),
    size: async () => (await file.stat()).size,
    truncate: async (bytes) => file.truncate(positionOf(bytes, "bytes")),
    async sync() {
      await file.datasync();
      if (!isNamed) await syncFolder(dirname(path));
      isNamed = true;
    },
    close: () => file.close(),
  };
}

/** Makes the names in a folder durable; Windows has no call for that, and needs none. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
