// The JavaScript sides in headless Chromium: a page each, in a browser context of its own, so that
// nothing that V8 learns there, and no garbage, is shared with another side.
//
// Pages are isolated from other origins: only then does their clock count in 5 µs, and not in 100.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import type { Size } from "../case.ts";
import { ROOT } from "../root.ts";
import type { Proof, Round, Runner } from "../runner.ts";
import type { PageBench } from "./page.ts";

/** Where a page says that it is from; nothing is asked of a network. */
const ORIGIN = "https://bench.test/";
const SCRIPT = join(ROOT, "build/bench-page/page.js");

const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

declare const bench: PageBench;

/** Opens the browser that is on this machine. Error where there is none. */
export async function openChromium(): Promise<Browser> {
  const executablePath = (process.env["PATH"] ?? "")
    .split(":")
    .map((folder) => join(folder, "chromium"))
    .find((path) => existsSync(path));
  if (executablePath === undefined) {
    throw new Error("there is no chromium here: npm run bench:setup installs it");
  }
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--js-flags=--expose-gc"] });
}

export class PageRunner implements Runner {
  readonly #browser: Browser;
  readonly #asked: readonly [caseName: string, side: string, size: Size];
  #page: Page | null = null;

  constructor(browser: Browser, caseName: string, side: string, size: Size) {
    this.#browser = browser;
    this.#asked = [caseName, side, size];
  }

  async prove(): Promise<Proof> {
    const page = await this.#open();
    return page.evaluate(() => bench.prove());
  }

  async round(round: Round): Promise<number[]> {
    const page = await this.#open();
    return page.evaluate((one) => bench.round(one), round);
  }

  async close(): Promise<void> {
    await this.#page?.context().close();
  }

  async #open(): Promise<Page> {
    if (this.#page !== null) return this.#page;
    const context = await this.#browser.newContext();
    const page = await context.newPage();
    await page.route(`${ORIGIN}**`, (route) =>
      route.fulfill({ contentType: "text/html", body: "<!doctype html>", headers: ISOLATED }),
    );
    await page.goto(ORIGIN);
    await page.addScriptTag({ content: readFileSync(SCRIPT, "utf8") });
    await page.evaluate(([name, side, size]) => bench.start(name, side, size), this.#asked);
    this.#page = page;
    return page;
  }
}
