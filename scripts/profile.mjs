// `npm run profile -- CASE [--side SIDE] [--rounds N]`: where the time of a benchmark goes.
//
//   assembly/ ──▶ named-engine ──▶ build/profile/named.wasm     the release engine, with names
//   bench/ + src/ + named.wasm ──▶ profile ──▶ build/profile/bench/

import { ensureBuilt } from "./build.mjs";
import { at, node, progress } from "./paths.mjs";

export async function profile([name, ...rest]) {
  if (name === undefined || name.startsWith("-")) {
    progress("usage: npm run profile -- CASE [--side SIDE] [--rounds N] [--size test|full]");
    return 2;
  }
  const args = rest.map((arg) => (arg === "--side" ? "--profile" : arg));
  const side = args.includes("--profile") ? [] : ["--profile", "pagebell"];
  await ensureBuilt("profile");
  return node("--expose-gc", [at("build/profile/bench/main.js"), "--only", name, ...side, ...args]);
}
