// A headless Chromium and the built demo, served to it.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { type PreviewServer, preview } from "vite";

const CHROMIUM = "/usr/bin/chromium";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Whether there is a browser. Under CI=true there must be one. */
export function hasChromium(): boolean {
  if (existsSync(CHROMIUM)) return true;
  if (process.env["CI"] === "true") throw new Error(`${CHROMIUM} is missing, and CI is true`);
  console.warn(`skipped: no ${CHROMIUM} here, nothing is opened in a browser`);
  return false;
}

/** Starts a browser, with a profile that is empty and its own. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/** A page with everything it complained about. */
export interface Opened {
  readonly page: Page;
  readonly complaints: string[];
}

/** Opens a page in a context of its own. */
export async function openPage(
  browser: Browser,
  address: string,
  options: Parameters<Browser["newContext"]>[0] = {},
): Promise<Opened> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") {
      complaints.push(message.text());
    }
  });
  await page.goto(address);
  return { page, complaints };
}

export class Demo {
  readonly address: string;
  readonly #server: PreviewServer;
  readonly #browser: Browser;

  private constructor(server: PreviewServer, browser: Browser, address: string) {
    this.#server = server;
    this.#browser = browser;
    this.address = address;
  }

  /** Serves build/demo and starts a browser, with a profile that is empty and its own. */
  static async start(): Promise<Demo> {
    const configFile = fileURLToPath(new URL("../../demo/vite.config.ts", import.meta.url));
    const server = await preview({
      configFile,
      configLoader: "runner",
      logLevel: "error",
      preview: { host: "127.0.0.1", port: 0 },
    });
    const [address] = server.resolvedUrls?.local ?? [];
    if (address === undefined) throw new Error("the preview server has no address");
    const browser = await launch();
    return new Demo(server, browser, address);
  }

  /** Opens a page in a context of its own. */
  open(options: Parameters<Browser["newContext"]>[0] = {}, path = ""): Promise<Opened> {
    return openPage(this.#browser, `${this.address}${path}`, options);
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await this.#server.close();
  }
}
