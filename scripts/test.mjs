// Everything that can fail: checks, engine units, then the rest; all of it, whatever fails first.
//
// With arguments it is Vitest alone with those arguments, for work on one thing.

import { spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { ensureBuilt } from "./build.mjs";
import { STATIC_CHECKS } from "./check.mjs";
import { at, node, progress, ROOT } from "./paths.mjs";

const ASPECT = at("node_modules/@as-pect/cli/bin/asp.js");
const VITEST = at("node_modules/vitest/vitest.mjs");
const RESULTS = at("build/test/vitest.json");

/** Prints `N passed, N failed` last; 0 when nothing failed and something passed. */
export async function test(args) {
  await ensureBuilt("all");
  if (args.length > 0) return node(VITEST, ["run", ...args]);
  const outcomes = [...(await staticChecks()), await engineUnits(), await vitest()];
  const passed = sum(outcomes, "passed");
  const failed = sum(outcomes, "failed");
  const skipped = sum(outcomes, "skipped");
  const failing = outcomes.filter((outcome) => outcome.failed > 0).map((outcome) => outcome.name);
  if (failing.length > 0) progress(`failed: ${failing.join(", ")}`);
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

async function staticChecks() {
  const outcomes = [];
  for (const { name, run } of STATIC_CHECKS) outcomes.push(outcome(name, (await run()) === 0));
  return outcomes;
}

/** as-pect says its figures in words only; one failure at least where it fails without them. */
async function engineUnits() {
  const { code, text } = await captured(ASPECT, ["--no-logo"]);
  const [, passed = "0", total = "0"] = /\[Tests\]: (\d+) \/ (\d+)/.exec(plain(text)) ?? [];
  const failed = Number(total) - Number(passed);
  const atLeast = code === 0 ? 0 : 1;
  return { name: "as-pect", passed: Number(passed), failed: Math.max(failed, atLeast), skipped: 0 };
}

async function vitest() {
  await rm(RESULTS, { force: true });
  const code = await node(VITEST, ["run"]);
  const counted = await vitestFigures();
  return { ...counted, failed: Math.max(counted.failed, code === 0 ? 0 : 1) };
}

async function vitestFigures() {
  try {
    const results = JSON.parse(await readFile(RESULTS, "utf8"));
    const { numPassedTests, numFailedTests, numPendingTests } = results;
    return {
      name: "vitest",
      passed: numPassedTests,
      failed: numFailedTests,
      skipped: numPendingTests,
    };
  } catch {
    return { name: "vitest", passed: 0, failed: 1, skipped: 0 };
  }
}

function outcome(name, isGood) {
  return { name, passed: isGood ? 1 : 0, failed: isGood ? 0 : 1, skipped: 0 };
}

function sum(outcomes, key) {
  return outcomes.reduce((total, one) => total + one[key], 0);
}

function captured(script, args) {
  const stdio = ["ignore", "pipe", "inherit"];
  const child = spawn(process.execPath, [script, ...args], { cwd: ROOT, stdio });
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
    process.stdout.write(chunk);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, text }));
  });
}

function plain(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters.
  return text.replace(/\u001b\[[0-9;]*m/g, "");
}
