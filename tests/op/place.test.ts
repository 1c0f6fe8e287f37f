// Does asking where a mapping would go answer what mapping it then does?

import fc from "fast-check";
import { expect, test } from "vitest";
import { FILE } from "../../src/file-state.ts";
import { SPACE } from "../../src/space.ts";
import { boot, MIB, PAGE, PRIVATE, READ_WRITE } from "../support/boot.ts";
import { SEED } from "../support/prng.ts";

const MAP_32BIT = 0x40;
const MAP_SHARED = 1;
const HINTS = [0, 0x10_0000_0000, 0x10_0000_1000, 0x7fff_0000_0000];

const request = fc.record({
  hint: fc.constantFrom(...HINTS),
  pages: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(512, 513, 1024)),
  isOfFile: fc.boolean(),
  is32: fc.boolean(),
  isUndone: fc.boolean(),
});

test(`where a mapping would go is where it goes, and asking changes nothing (SEED=${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 25 }), (requests) => {
      const { core, machine, mm } = boot("", { memory: 4 * MIB });
      const file = machine.createFile({ kind: "disk", size: PAGE });
      for (const { hint, is32, isOfFile, isUndone, pages } of requests) {
        const length = pages * PAGE;
        const flags = (isOfFile ? MAP_SHARED : PRIVATE) | (is32 ? MAP_32BIT : 0);
        const mapping = isOfFile ? file[FILE].mapping : 0;
        const before = mm.maps();
        const ask = { hint, length, flags, mapping, offset: 0 };
        const found = core.engine.place.find(mm[SPACE].handle, ask);
        expect(mm.maps()).toBe(before);
        const got = mm.mmapSync(hint, length, READ_WRITE, flags, isOfFile ? file : null);
        expect(got).toBe(found);
        if (isUndone) mm.munmapSync(got, length);
      }
    }),
    { seed: SEED, numRuns: 50 },
  );
});

test("without room, without a length, after exit: nowhere", async () => {
  const { core, mm } = boot();
  const { handle } = mm[SPACE];
  const ask = { hint: 0, length: PAGE, flags: PRIVATE, mapping: 0, offset: 0 };
  expect(core.engine.place.find(handle, { ...ask, length: 2 ** 48 })).toBeNull();
  expect(core.engine.place.find(handle, { ...ask, length: 2 ** 64 - 1 })).toBeNull();
  expect(core.engine.place.find(handle, { ...ask, length: 0 })).toBeNull();
  await mm.exit();
  expect(core.engine.place.find(handle, ask)).toBeNull();
});
