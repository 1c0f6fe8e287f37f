// A file of the origin's private file system, opened by its path. Only dedicated workers can.

import type { SyncAccessHandle } from "./sync-handle.ts";

/** How the file at a path becomes the backing's. */
export interface OpfsFileOptions {
  /**
   * What becomes of a file that is there: `empty` cuts it to nothing, `keep` has its bytes,
   * `exclusive` fails with `code` EEXIST. One that is not there is made by all three, its folders
   * included. Default: `empty`.
   */
  readonly found?: "empty" | "keep" | "exclusive";
}

export async function openOpfs(path: string, options: OpfsFileOptions): Promise<SyncAccessHandle> {
  const { found = "empty" } = options;
  const names = path.split("/").filter((name) => name !== "");
  const name = names.pop();
  if (name === undefined) throw new TypeError(`path: "${path}" names no file`);
  let folder = await navigator.storage.getDirectory();
  for (const each of names) folder = await folder.getDirectoryHandle(each, { create: true });
  if (found === "exclusive") await expectNone(folder, name);
  const handle = await lock(await folder.getFileHandle(name, { create: true }));
  if (found === "empty") handle.truncate(0);
  return handle;
}

/** A handle that nobody else has as long as this one is open. */
async function lock(file: FileSystemFileHandle): Promise<SyncAccessHandle> {
  if (canLock(file)) return file.createSyncAccessHandle();
  throw new TypeError("only a dedicated worker can open OPFS at once: use opfsWorkerBacking");
}

interface Lockable {
  createSyncAccessHandle(): Promise<SyncAccessHandle>;
}

function canLock(file: object): file is Lockable {
  return "createSyncAccessHandle" in file;
}

async function expectNone(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  try {
    await folder.getFileHandle(name);
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotFoundError") return;
    throw error;
  }
  throw Object.assign(new Error(`${name} exists`), { code: "EEXIST" });
}
