// What is published: packed, installed in an empty project, and used as a stranger would.

import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installPacked, type Project, ROOT, readmeExamples, tool } from "./project.ts";

/** Wasm's first bytes in base64: where they stand, an engine is inside. */
const ENGINE_TEXT = "AGFzbQE";

let project: Project;

beforeAll(async () => {
  project = await installPacked();
}, 120_000);

afterAll(async () => {
  await project?.remove();
});

describe("a stranger's project", () => {
  test("the README's example runs: the subscriber is told before the unmap", async () => {
    await project.write("example.js", (await readmeExamples()).first);
    const { code, stdout, stderr } = await project.node("example.js");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.trim().split("\n")).toEqual([
      "told: unmap still mapped",
      "unmapped: nothing is left",
    ]);
  });

  test("the README's other examples run as one, and print what they say", async () => {
    const { rest, prints } = await readmeExamples();
    expect(prints.split("\n").length).toBeGreaterThan(4);
    await project.write("rest.js", rest);
    expect(await project.node("rest.js")).toEqual({ code: 0, stdout: prints, stderr: "" });
  });

  test("./sync makes a machine at once", async () => {
    await project.write("sync.js", SYNC);
    expect(await project.node("sync.js")).toEqual({ code: 0, stdout: "1\n", stderr: "" });
  });

  test("./slim makes a machine of ./engine.wasm", async () => {
    await project.write("slim.js", SLIM);
    expect(await project.node("slim.js")).toEqual({ code: 0, stdout: "1\n", stderr: "" });
  });

  test("./backing/node-fs swaps to a file", async () => {
    await project.write("swap.js", SWAP);
    expect(await project.node("swap.js")).toEqual({ code: 0, stdout: "7 1\n", stderr: "" });
  });

  test("the command is there, with the recordings that it replays", async () => {
    const { code, stdout, stderr } = await project.node(
      "node_modules/.bin/pagebell",
      "start",
      "--json",
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject(AGREEMENT);
  });

  test("the declarations compile on their own, strictly, library checks included", async () => {
    await project.write("types.ts", TYPES);
    const options = ["--strict", "--noEmit", "--target", "es2022", "--types", ""];
    const modules = ["--module", "nodenext", "--moduleResolution", "nodenext"];
    const { code, stdout } = await project.node(
      join(ROOT, "node_modules/typescript/bin/tsc"),
      ...options,
      ...modules,
      "--lib",
      "es2023,dom,dom.iterable,esnext.disposable",
      "types.ts",
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  });
});

describe("the tarball", () => {
  test("publint finds nothing to say", async () => {
    const { code, stdout } = await tool("publint/src/cli.js", project.tarball, "--strict");
    expect(stdout).toMatch(/All good!/);
    expect(code).toBe(0);
  });

  test("the types are not wrong", async () => {
    const { code, stdout } = await tool(
      "@arethetypeswrong/cli/dist/index.js",
      project.tarball,
      "--profile=esm-only",
      "--format=json",
      "--exclude-entrypoints",
      "engine.wasm",
    );
    const { analysis }: { analysis: { entrypoints: object } } = JSON.parse(stdout);
    expect(Object.keys(analysis.entrypoints)).toEqual([
      ".",
      "./slim",
      "./sync",
      "./backing/node-fs",
      "./backing/opfs",
      "./backing/opfs-worker",
      "./package.json",
    ]);
    expect(code, stdout).toBe(0);
  });
});

describe("the chunks that an entry loads", () => {
  test.each(["index", "slim", "sync", "backing/opfs"])(
    "%s reaches no Node builtin",
    async (entry) => {
      for (const { path, text } of await chunksOf(entry)) {
        expect(text, path).not.toMatch(/(?:from|import)\s*\(?\s*["']node:/);
      }
    },
  );

  test.each([
    ["index", true],
    ["sync", true],
    ["slim", false],
  ] as const)("%s has an engine inside: %s", async (entry, expected) => {
    const texts = (await chunksOf(entry)).map(({ text }) => text);
    expect(texts.some((text) => text.includes(ENGINE_TEXT))).toBe(expected);
  });

  test("every script has its source map", async () => {
    const files = await readdir(join(ROOT, "dist"), { recursive: true });
    const scripts = files.filter((file) => file.endsWith(".js"));
    expect(scripts.length).toBeGreaterThan(3);
    for (const script of scripts) expect(files).toContain(`${script}.map`);
  });
});

interface Chunk {
  readonly path: string;
  readonly text: string;
}

/** An entry of the package and every chunk that it imports. */
async function chunksOf(entry: string): Promise<Chunk[]> {
  const paths = new Set([join(project.folder, "node_modules/pagebell/dist", `${entry}.js`)]);
  const chunks: Chunk[] = [];
  for (const path of paths) {
    const text = await readFile(path, "utf8");
    chunks.push({ path, text });
    for (const [, from = ""] of text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+\.js)"/g)) {
      paths.add(join(dirname(path), from));
    }
  }
  return chunks;
}

/** What matters of the report of `pagebell start --json`, for each of the four programs. */
const AGREED = { disagree: { result: 0, maps: 0, pages: 0, data: 0 }, first: null };
const AGREEMENT = { recordings: Array.from({ length: 4 }, () => AGREED) };

const SWAP = `
import * as pagebell from "pagebell";
import { nodeFileBacking } from "pagebell/backing/node-fs";
const backing = await nodeFileBacking("swap.bin");
const machine = await pagebell.createMachine({ memory: 1 << 20, swap: { pages: 4, backing } });
const mm = machine.createMm();
const kind = pagebell.MAP_PRIVATE | pagebell.MAP_ANONYMOUS;
const at = await mm.mmap(0, 4096, pagebell.PROT_READ | pagebell.PROT_WRITE, kind);
await mm.write(at, Uint8Array.of(7));
await mm.madvise(at, 4096, pagebell.MADV_PAGEOUT);
while (machine.vmstat().pswpout === 0) await new Promise((turn) => setImmediate(turn));
console.log((await mm.read(at, 1))[0], machine.vmstat().pswpin);
await backing.close();
`;

const SYNC = `
import { createMachineSync, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ } from "pagebell/sync";
const mm = createMachineSync({ memory: 1 << 20 }).createMm();
mm.mmapSync(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);
console.log(mm.areas().length);
`;

const SLIM = `
import { readFile } from "node:fs/promises";
import { createMachine, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ } from "pagebell/slim";
const engine = await readFile(new URL(import.meta.resolve("pagebell/engine.wasm")));
const machine = await createMachine({ engine, memory: 1 << 20 });
const mm = machine.createMm();
await mm.mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);
console.log(mm.areas().length);
`;

const TYPES = `
import { createMachine, type Machine, MemoryError, type Mm, PROT_READ, type Why } from "pagebell";
import { createMachine as slim } from "pagebell/slim";
import { createMachineSync } from "pagebell/sync";
import type { Backing } from "pagebell/backing/node-fs";
import { opfsBacking, opfsWorkerBacking, serveOpfs } from "pagebell/backing/opfs";

const backings: Promise<Backing>[] = [
  opfsBacking("swap"),
  opfsWorkerBacking("swap", { worker: new Worker("worker.js") }),
];
serveOpfs(new MessageChannel().port1);
const machine: Machine = await createMachine({ memory: 1 << 20 });
const other: Machine = createMachineSync({ memory: 1 << 20 });
const third: Promise<Machine> = slim({ engine: new URL("https://example.com/"), memory: 1 << 20 });
const mm: Mm = other.createMm();
const protection: number = PROT_READ;
machine.exportNotifiers.register({
  name: "typed",
  invalidateProcessRange(space: Mm, start: number, end: number, why: Why): void {
    console.log(space.id, end - start, why.reason);
  },
});
// @ts-expect-error: a size is a number
createMachine({ memory: "1" });
console.log(new MemoryError(-22, "op").code, mm, third, protection);
`;
