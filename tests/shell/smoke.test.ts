import { expect, test } from "vitest";
import { at, boot, pages, range, strip } from "../support/boot.ts";

test("unmap of the middle leaves both ends mapped", async () => {
  const { mm } = boot("wwwwwwww");
  await mm.munmap(...pages(2, 6));
  expect(strip(mm)).toBe("ww....ww");
});

test("a subscriber is told before an unmap, and the unmap waits for it", async () => {
  const { mm, register, clock } = boot("wwwwwwww");
  const seen: string[] = [];
  const holder = register({
    async invalidateProcessRange(_mm, start, end) {
      seen.push(strip(mm));
      await null;
      holder.unexportRange(mm, start, end);
    },
    end(_bracket, { committed }) {
      seen.push(`end ${committed} ${strip(mm)}`);
    },
  });
  await holder.exportRange(mm, ...range(2, 4), { write: true });
  expect(strip(mm)).toBe("wwWWwwww");
  await mm.munmap(...pages(2, 6));
  expect(seen).toEqual(["wwWWwwww", "end true ww....ww"]);
  expect(at(0)).toBeGreaterThan(0);
  expect(clock.armed).toBe(0);
});
