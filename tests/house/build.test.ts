// What the verbs rely on: one builder at a time, stamps by content, packages by the lock file.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Tree } from "./tree.ts";

let tree: Tree;

beforeEach(async () => {
  tree = await Tree.make();
});

afterEach(async () => {
  await tree.remove();
});

describe("the lock", () => {
  /** Enters, gives others many chances to enter as well, and leaves. */
  const BUILDER = `
    import { appendFileSync } from "node:fs";
    import { setImmediate as turn } from "node:timers/promises";
    import { withLock } from "./lock.mjs";
    await withLock(async () => {
      appendFileSync("../log", "in\\n");
      for (let count = 0; count < 2_000; count++) await turn();
      appendFileSync("../log", "out\\n");
    });`;

  test("two that want to build do so one after the other", async () => {
    await Promise.all([tree.run(BUILDER), tree.run(BUILDER), tree.run(BUILDER)]);
    expect(await tree.read("log")).toBe("in\nout\n".repeat(3));
  });

  test("a lock whose holder is gone is broken", async () => {
    const pid = await tree.run("process.stdout.write(String(process.pid))");
    await tree.write("build/lock/pid", pid);
    await tree.run(BUILDER);
    expect(await tree.read("log")).toBe("in\nout\n");
  });

  test("it is given back when the work fails", async () => {
    const failing = `
      import { withLock } from "./lock.mjs";
      await withLock(async () => { throw new Error("no"); }).catch(() => {});`;
    await tree.run(failing);
    await tree.run(BUILDER);
    expect(await tree.read("log")).toBe("in\nout\n");
  });
});

describe("a stamp", () => {
  const HASH = `
    import { hashOf } from "./stamp.mjs";
    process.stdout.write(await hashOf(["src", "one.json", "absent"]));`;

  test("follows the contents and the names, not the times", async () => {
    await tree.write("src/deep/a.ts", "1");
    await tree.write("one.json", "{}");
    const first = await tree.run(HASH);
    await tree.write("src/deep/a.ts", "1");
    expect(await tree.run(HASH)).toBe(first);
    await tree.write("src/deep/a.ts", "2");
    const second = await tree.run(HASH);
    await tree.write("src/deep/b.ts", "");
    const third = await tree.run(HASH);
    expect(new Set([first, second, third]).size).toBe(3);
  });

  test("counts only while every output is there", async () => {
    await tree.write("out.js", "");
    const ask = (outputs: string[]) => `
      import { isFresh, writeStamp } from "./stamp.mjs";
      await writeStamp("step", "hash");
      console.log(await isFresh("step", "hash", ${JSON.stringify(outputs)}));
      console.log(await isFresh("step", "other", ${JSON.stringify(outputs)}));`;
    expect(await tree.run(ask(["out.js"]))).toBe("true\nfalse\n");
    expect(await tree.run(ask(["out.js", "out.d.ts"]))).toBe("false\nfalse\n");
  });
});

describe("what is installed", () => {
  const ASK = `
    import { isInstalled } from "./install.mjs";
    process.stdout.write(String(await isInstalled()));`;

  const lock = (packages: object) => JSON.stringify({ packages });
  const WANTED = { "": {}, "node_modules/a": { version: "1.0.0" } };

  test.each([
    ["the same", WANTED, "true"],
    ["another version", { "node_modules/a": { version: "1.0.1" } }, "false"],
    ["nothing", {}, "false"],
    ["more", { ...WANTED, "node_modules/b": { version: "2.0.0" } }, "true"],
  ])("%s", async (_name, installed, expected) => {
    await tree.write("package-lock.json", lock(WANTED));
    await tree.write("node_modules/.package-lock.json", lock(installed));
    expect(await tree.run(ASK)).toBe(expected);
  });

  test("a package for another platform may be missing", async () => {
    const other = { "node_modules/b": { version: "1.0.0", optional: true } };
    await tree.write("package-lock.json", lock({ ...WANTED, ...other }));
    await tree.write("node_modules/.package-lock.json", lock(WANTED));
    expect(await tree.run(ASK)).toBe("true");
  });
});
