// Does the origin's private file system keep bytes in a real browser, with the package as it is
// installed, served by Vite as it is and as it is built?

import { cp } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import {
  build,
  createServer,
  type InlineConfig,
  type PreviewServer,
  preview,
  type ViteDevServer,
} from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CASES } from "../backing/suite.ts";
import { installPacked, type Project, ROOT } from "../package/project.ts";
import { SEED } from "../support/prng.ts";
import { hasChromium, launch, type Opened, openPage } from "./chromium.ts";
import type { Rounds } from "./opfs/page.ts";
import type { Failures, PressureResult } from "./opfs/rounds.ts";

const FIXTURE = "tests/browser/opfs";
const SUPPORT = ["swap-round", "pressure", "prng"].map((name) => `tests/support/${name}.ts`);

/** PRESSURE=full runs ten times 64 MiB. */
const PRESSURE = process.env["PRESSURE"] === "full" ? [64, 64] : [2, 1];

const PATIENCE = 120_000;

const PASSED: Failures = Object.fromEntries(CASES.map(({ name }) => [name, null]));

/** What a swap round of 300 pages must say. */
const ROUND = { present: 0, out: 300, in: 300, slots: 0, wrong: 0, check: 0 };

let project: Project;
let browser: Browser;

/** The page's sources and the tests' own, in the project that the package is installed in. */
function configOf(root: string): InlineConfig {
  return {
    root,
    configFile: false,
    logLevel: "error",
    resolve: { alias: { "fast-check": join(ROOT, "node_modules/fast-check") } },
    worker: { format: "es" },
    server: { host: "127.0.0.1", port: 0, fs: { strict: false }, hmr: false },
    preview: { host: "127.0.0.1", port: 0 },
    build: { target: "es2022", outDir: join(root, "built") },
  };
}

async function serveAsIs(root: string): Promise<ViteDevServer> {
  const server = await createServer(configOf(root));
  return server.listen();
}

async function serveBuilt(root: string): Promise<PreviewServer> {
  await build(configOf(root));
  return preview(configOf(root));
}

/** Calls one of the page's rounds. */
function call(page: Page, name: keyof Rounds, ...args: unknown[]): Promise<unknown> {
  return page.evaluate(
    ([round, given]) => {
      const { rounds } = window as unknown as {
        rounds: Record<string, (...a: unknown[]) => unknown>;
      };
      return rounds[round]?.(...given);
    },
    [name, args] as const,
  );
}

describe.skipIf(!hasChromium())("OPFS", () => {
  beforeAll(async () => {
    project = await installPacked();
    for (const path of [FIXTURE, "tests/backing/suite.ts", ...SUPPORT]) {
      await cp(join(ROOT, path), join(project.folder, path), { recursive: true });
    }
    browser = await launch();
  }, PATIENCE);

  afterAll(async () => {
    await browser?.close();
    await project?.remove();
  });

  test("a worker whose script cannot be had is an error, at once", async () => {
    const server = await serveAsIs(join(project.folder, FIXTURE));
    const { page } = await openPage(browser, server.resolvedUrls?.local[0] ?? "");
    await page.route(/opfs-worker/, (route) => route.abort());
    await page.waitForFunction(() => "rounds" in window);
    expect(await call(page, "opened", "file")).toBe(
      "Error the worker failed: its script could not be run",
    );
    await page.context().close();
    await server.close();
  });

  describe.each([
    ["as it is", serveAsIs],
    ["as it is built", serveBuilt],
  ])(`served %s, SEED=${SEED}`, (_name, serve) => {
    let server: ViteDevServer | PreviewServer;
    let opened: Opened;

    beforeAll(async () => {
      server = await serve(join(project.folder, FIXTURE));
      opened = await openPage(browser, server.resolvedUrls?.local[0] ?? "");
      await opened.page.waitForFunction(() => "rounds" in window);
    }, PATIENCE);

    afterAll(async () => {
      expect(opened?.complaints).toEqual([]);
      await opened?.page.context().close();
      await server?.close();
    });

    test.each(["direct", "worker", "ownWorker"] as const)(
      "%s: does what every backing must",
      async (round) => {
        expect(await call(opened.page, round, SEED)).toEqual(PASSED);
      },
      PATIENCE,
    );

    test.each(["directSwap", "workerSwap"] as const)(
      "%s: a machine swaps out and in, and every byte is there",
      async (round) => {
        expect(await call(opened.page, round)).toEqual(ROUND);
      },
      PATIENCE,
    );

    test.each([
      ["directPressure", PRESSURE[0]],
      ["workerPressure", PRESSURE[1]],
    ] as const)(
      "%s: %s MiB run ten times as much, and every byte is there",
      async (round, mebibytes = 1) => {
        const result = (await call(opened.page, round, mebibytes, SEED)) as PressureResult;
        expect(result).toMatchObject({ slots: 0, check: 0 });
        expect(result.out).toBeGreaterThan(10 * mebibytes * 256);
        if (process.env["PRESSURE"] === "full") console.info(round, result.seconds, "seconds");
      },
      5 * PATIENCE,
    );

    test("in a worker, calls that cannot wait find their page", async () => {
      expect(await call(opened.page, "directSync")).toEqual([2, 7]);
    });

    test("a file is emptied, kept, or must not be there", async () => {
      const exists = "Error EEXIST found exists";
      expect(await call(opened.page, "found")).toEqual([0, 3, 0, exists, 0]);
    });

    test("what cannot be is an error, and the file can be opened afterwards", async () => {
      expect(await call(opened.page, "failures")).toEqual([
        expect.stringMatching(/^NoModificationAllowedError /),
        'TypeError path: "" names no file',
        expect.stringMatching(/^TypeError only a dedicated worker/),
        "then 0",
      ]);
    });
  });
});
