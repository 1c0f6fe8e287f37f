// The recorder: compiled by the system's gcc when its sources have changed, then run.
//
// It is no part of the build that other verbs make: those need no compiler of C.

import { mkdir, readdir, rename } from "node:fs/promises";
import { withLock } from "./lock.mjs";
import { at, command, progress, StepFailed } from "./paths.mjs";
import { hashOf, isFresh, writeStamp } from "./stamp.mjs";

const STEP = "recorder";
const SOURCES = "tools/record";
const INPUTS = [SOURCES, "scripts/record.mjs"];
const RECORDER = "build/record/record";
const FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror"];
/** Nothing of it lies where the kernel places mappings: the profile `placement` has that alone. */
const ALONE = ["-static", "-no-pie"];

/** Settles with the recorder's exit code; what it prints is the recording. */
export async function record(args) {
  await ensureRecorder();
  return command(at(RECORDER), args);
}

async function ensureRecorder() {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw refusal(`only Linux on x86-64 is recorded, and this is ${process.platform}`);
  }
  if (await isFresh(STEP, await hashOf(INPUTS), [RECORDER])) return;
  await withLock(compile);
}

/** Compiled aside and moved in place, as another run may be executing the old one. */
async function compile() {
  const hash = await hashOf(INPUTS);
  if (await isFresh(STEP, hash, [RECORDER])) return;
  progress(`building ${STEP}`);
  const names = (await readdir(at(SOURCES))).filter((name) => name.endsWith(".c"));
  const sources = names.map((name) => at(SOURCES, name));
  await mkdir(at("build/record"), { recursive: true });
  const aside = `${at(RECORDER)}.next`;
  const code = await gcc([...FLAGS, ...ALONE, "-o", aside, ...sources]);
  if (code !== 0) throw new StepFailed(STEP);
  await rename(aside, at(RECORDER));
  await writeStamp(STEP, hash);
}

async function gcc(args) {
  try {
    return await command("gcc", args, { quiet: true });
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    throw refusal("the recorder is written in C, and there is no gcc here to compile it");
  }
}

function refusal(why) {
  progress(why);
  return new StepFailed("record");
}
