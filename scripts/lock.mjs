// One builder at a time, across processes.
//
// Invariants
//   1  The lock is a folder with the holder's process id in it: making a folder is atomic.
//   2  A lock whose holder is gone is broken, so that a killed run does not block the next.

import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BUILD, progress } from "./paths.mjs";

const LOCK = join(BUILD, "lock");
const HOLDER = join(LOCK, "pid");
const POLL_MS = 100;
/** A lock without a process id is older than this only when its maker died in between. */
const NAMELESS_MS = 5_000;

/** Runs `work` while no other process runs one. */
export async function withLock(work) {
  await acquire();
  try {
    return await work();
  } finally {
    await rm(LOCK, { recursive: true, force: true });
  }
}

async function acquire() {
  await mkdir(BUILD, { recursive: true });
  let waited = false;
  while (!(await tryAcquire())) {
    if (await isAbandoned()) {
      await rm(LOCK, { recursive: true, force: true });
      continue;
    }
    if (!waited) progress("another run is building, waiting for it");
    waited = true;
    await sleep(POLL_MS);
  }
}

async function tryAcquire() {
  try {
    await mkdir(LOCK);
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
  await writeFile(HOLDER, String(process.pid));
  return true;
}

async function isAbandoned() {
  try {
    const pid = Number(await readFile(HOLDER, "utf8"));
    if (pid > 0) return !isAlive(pid);
    return Date.now() - (await stat(LOCK)).mtimeMs > NAMELESS_MS;
  } catch {
    return await isOldAndNameless();
  }
}

async function isOldAndNameless() {
  try {
    return Date.now() - (await stat(LOCK)).mtimeMs > NAMELESS_MS;
  } catch {
    return false;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
