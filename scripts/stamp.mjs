// Whether what a step made is still what its inputs say, by content and not by time.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { at, BUILD } from "./paths.mjs";

const STAMPS = join(BUILD, "stamps");

/**
 * Hash of every file in `inputs`: paths from the root, files or folders; absent ones count as
 * absent.
 */
export async function hashOf(inputs) {
  const hash = createHash("sha256");
  for (const input of inputs) {
    for (const path of (await filesIn(input)).sort()) {
      hash.update(`${path}\0`);
      hash.update(await readFile(at(path)));
    }
  }
  return hash.digest("hex");
}

/** Whether step `name` ran with inputs of this hash and all its outputs are there. */
export async function isFresh(name, hash, outputs) {
  if (!outputs.every((path) => existsSync(at(path)))) return false;
  return (await readStamp(name)) === hash;
}

/** Notes that step `name` has run to its end. */
export async function writeStamp(name, hash) {
  await mkdir(STAMPS, { recursive: true });
  await writeFile(join(STAMPS, name), hash);
}

async function readStamp(name) {
  try {
    return await readFile(join(STAMPS, name), "utf8");
  } catch {
    return "";
  }
}

async function filesIn(path) {
  let entries;
  try {
    entries = await readdir(at(path), { withFileTypes: true });
  } catch (error) {
    if (error.code === "ENOTDIR") return [path];
    if (error.code === "ENOENT") return [];
    throw error;
  }
  const lists = entries.map((entry) => {
    const inner = `${path}/${entry.name}`;
    return entry.isDirectory() ? filesIn(inner) : [inner];
  });
  return (await Promise.all(lists)).flat();
}
