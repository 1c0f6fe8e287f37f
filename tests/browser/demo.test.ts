// The demo in a real browser: two recordings and an awaited munmap, on the real engine, in a Worker
// and on the page's own thread.

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Demo, hasChromium, type Opened } from "./chromium.ts";

const PATIENCE = 60_000;
const TIMEOUT = { timeout: PATIENCE };

describe.skipIf(!hasChromium())("the demo", () => {
  let demo: Demo;

  beforeAll(async () => {
    demo = await Demo.start();
  }, PATIENCE);

  afterAll(async () => {
    await demo?.stop();
  });

  async function withPage(
    options: Parameters<Demo["open"]>[0],
    work: (opened: Opened) => Promise<void>,
  ): Promise<void> {
    const opened = await demo.open(options);
    await work(opened);
    expect(opened.complaints).toEqual([]);
    await opened.page.context().close();
  }

  test("is embedded by one script", async () => {
    await withPage({}, async ({ page }) => {
      await page.waitForSelector("#munmap .page");
      expect(await page.locator("script").count()).toBe(1);
      expect(await page.locator("script").getAttribute("type")).toBe("module");
    });
  });

  test("a page of somebody else embeds it with that one script", async () => {
    await withPage({}, async ({ page }) => {
      await page.route("**/stranger.html", (route) =>
        route.fulfill({ contentType: "text/html", body: STRANGER }),
      );
      await page.goto(`${demo.address}stranger.html`);
      await expectState(page, "held", 4);
    });
  });

  test.each(["bash", "python-fork"])(
    "replays %s in both places and agrees",
    async (id) => {
      await withPage({}, async ({ page }) => {
        const card = page.locator(`#${id}`);
        await card.getByRole("button", { name: "Replay" }).click();
        await page.waitForSelector(
          `#${id}:is([data-state=agrees],[data-state=disagrees],[data-state=failed])`,
          TIMEOUT,
        );
        expect(await card.getByRole("status").textContent()).toMatch(
          /agrees with the kernel in all/,
        );
        expect(await card.getAttribute("data-state")).toBe("agrees");
        expect(await rowOf(page, id, "disagreements")).toEqual(["0", "0"]);
        expect(await rowOf(page, id, "changed without a notice")).toEqual(["0", "0"]);
        const [inWorker, onMain] = await rowOf(page, id, "operations");
        expect(Number(inWorker?.replace(",", ""))).toBeGreaterThan(100);
        expect(onMain).toBe(inWorker);
      });
    },
    PATIENCE,
  );

  describe.each(["Worker", "main thread"])("an awaited munmap, engine in: %s", (place) => {
    test("the pages stay until the holder lets go", async () => {
      await withPage({}, async ({ page }) => {
        await startMunmap(page, place);
        await expectState(page, "mapped", 12);
        await expectState(page, "held", 4);
        expect(await page.locator("#munmap .page.frozen").count()).toBe(10);
        await page.getByRole("button", { name: "Let go" }).click();
        await page.waitForSelector("#munmap[data-state=unmapped]", TIMEOUT);
        await expectState(page, "gone", 10);
        await expectState(page, "mapped", 6);
        expect(await steps(page)).toEqual(["plan", "notify", "answer", "end", "commit"]);
      });
    });

    test("refused, nothing is unmapped and the error names the holder", async () => {
      await withPage({}, async ({ page }) => {
        await startMunmap(page, place);
        await page.getByRole("button", { name: "Refuse" }).click();
        await page.waitForSelector("#munmap[data-state=aborted]", TIMEOUT);
        await expectState(page, "gone", 0);
        expect(await page.locator("#munmap").getByRole("status").textContent()).toMatch(
          /remote device/,
        );
      });
    });

    test("a holder that says yes and keeps the page is caught by the commit", async () => {
      await withPage({}, async ({ page }) => {
        await startMunmap(page, place);
        await page.getByRole("button", { name: "Say yes, but keep it" }).click();
        await page.waitForSelector("#munmap[data-state=aborted]", TIMEOUT);
        await expectState(page, "gone", 0);
        expect(await page.locator("#munmap").getByRole("status").textContent()).toMatch(/EBUSY/);
      });
    });
  });

  test("works by keyboard alone", async () => {
    await withPage({}, async ({ page }) => {
      await expectState(page, "held", 4);
      await page.locator("#munmap .page").first().focus();
      await page.keyboard.press("End");
      await page.keyboard.press("Space");
      await expectState(page, "held", 5);
      await page.keyboard.press("Home");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("Enter");
      await expectState(page, "held", 6);
      await page.keyboard.press("Tab");
      expect(await focused(page)).toBe("munmap");
      await page.keyboard.press("Enter");
      await page.waitForSelector("#munmap[data-state=noticed]", TIMEOUT);
      expect(await focused(page)).toBe("Let go");
      await page.keyboard.press("Enter");
      await page.waitForSelector("#munmap[data-state=unmapped]", TIMEOUT);
    });
  });

  test.each(["light", "dark"] as const)(
    "%s: text stands out, and the switch turns it",
    async (colorScheme) => {
      await withPage({ colorScheme, reducedMotion: "reduce" }, async ({ page }) => {
        await page.waitForSelector("#munmap .page");
        const before = await brightness(page);
        expect(before.ground > before.ink).toBe(colorScheme === "light");
        expect(Math.abs(before.ground - before.ink)).toBeGreaterThan(150);
        await page.getByRole("button", { name: "Light or dark" }).click();
        const after = await brightness(page);
        expect(after.ground > after.ink).toBe(colorScheme === "dark");
      });
    },
  );

  test("nothing moves for those who asked for that", async () => {
    await withPage({ reducedMotion: "reduce" }, async ({ page }) => {
      const cell = page.locator("#munmap .page").first();
      const duration = await cell.evaluate((node) => getComputedStyle(node).transitionDuration);
      expect(duration).toBe("0s");
    });
  });

  test("fits a phone without scrolling sideways", async () => {
    await withPage({ viewport: { width: 360, height: 740 } }, async ({ page }) => {
      await page.waitForSelector("#munmap .page");
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(width).toBeLessThanOrEqual(360);
    });
  });
});

const STRANGER = `<!doctype html><title>stranger</title>
<p>Somebody else's page.</p><div data-pagebell></div>
<script type="module" src="./pagebell-demo.js"></script>`;

/** Presses munmap and waits until the holder is asked. */
async function startMunmap(page: Page, place: string): Promise<void> {
  await page.getByLabel(place, { exact: true }).check();
  await expectState(page, "held", 4);
  await page.getByRole("button", { name: "munmap" }).click();
  await page.waitForSelector("#munmap[data-state=noticed]", TIMEOUT);
}

/** Waits until so many pages of the strip are in a state. */
async function expectState(page: Page, state: string, count: number): Promise<void> {
  const cells = `#munmap .page[data-state=${state}]`;
  await page.waitForFunction(
    ([selector, wanted]) => document.querySelectorAll(String(selector)).length === wanted,
    [cells, count] as const,
    TIMEOUT,
  );
  expect(await page.locator(cells).count()).toBe(count);
}

/** The steps in the log, in order. */
function steps(page: Page): Promise<(string | null)[]> {
  return page
    .locator("#munmap .log li")
    .evaluateAll((items) => items.map((item) => item.getAttribute("data-step")));
}

/** The cells of a row of a card's table. */
function rowOf(page: Page, id: string, title: string): Promise<string[]> {
  const row = page.locator(`#${id} tbody tr`).filter({
    has: page.getByRole("rowheader", { name: title, exact: true }),
  });
  return row.locator("td").allTextContents();
}

function focused(page: Page): Promise<string | null> {
  return page.evaluate(() => document.activeElement?.textContent ?? null);
}

/** Sum of red, green and blue of the text and of what is behind it. */
function brightness(page: Page): Promise<{ ground: number; ink: number }> {
  return page.evaluate(() => {
    const style = getComputedStyle(document.querySelector(".pagebell") ?? document.body);
    const sum = (color: string) =>
      (color.match(/\d+/g) ?? []).slice(0, 3).reduce((total, part) => total + Number(part), 0);
    return { ground: sum(style.backgroundColor), ink: sum(style.color) };
  });
}
