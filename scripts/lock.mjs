// One builder at a time, across processes.
//
// Invariants
//   1  The lock is a folder with the holder's process id in it: making a folder is atomic.
//   2  A lock whose holder is gone is broken, so that a killed run does not block the next.
//   3  Breaking has a lock of its own and looks again inside it: what is removed is abandoned.

import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BUILD, progress } from "./paths.mjs";

const LOCK = join(BUILD, "lock");
const HOLDER = join(LOCK, "pid");
const BREAKER = join(BUILD, "lock-breaker");
const POLL_MS = 100;
/** A folder without a process id is older than this only when its maker died in between. */
const NAMELESS_MS = 5_000;

/** Runs `work` while no other process runs one. */
export async function withLock(work) {
  await acquire();
  try {
    return await work();
  } finally {
    await remove(LOCK);
  }
}

async function acquire() {
  await mkdir(BUILD, { recursive: true });
  let waited = false;
  while (!(await tryMake(LOCK))) {
    if (await isAbandoned()) await breakLock();
    if (!waited) progress("another run is building, waiting for it");
    waited = true;
    await sleep(POLL_MS);
  }
  await writeFile(HOLDER, String(process.pid));
}

async function breakLock() {
  if (!(await tryMake(BREAKER))) {
    if (await isOld(BREAKER)) await remove(BREAKER);
    return;
  }
  try {
    if (await isAbandoned()) await remove(LOCK);
  } finally {
    await remove(BREAKER);
  }
}

async function tryMake(folder) {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

async function isAbandoned() {
  const pid = Number(await readFile(HOLDER, "utf8").catch(() => ""));
  return pid > 0 ? !isAlive(pid) : isOld(LOCK);
}

async function isOld(folder) {
  try {
    return Date.now() - (await stat(folder)).mtimeMs > NAMELESS_MS;
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

function remove(folder) {
  return rm(folder, { recursive: true, force: true });
}
