// Chains: which anon_vmas an area is linked to, who takes over whose, and when one is gone.

import { PROT_EXEC } from "../../../assembly/abi";
import {
  framesReserve,
  framesReserved,
  framesUnreserve,
  freeFrames,
} from "../../../assembly/frame/buddy";
import { Pool, poolAlloc, poolFree, poolUsed } from "../../../assembly/frame/pool";
import {
  AnonVma,
  anonVmaPool,
  anonVmaPrepare,
  chainIsSingle,
} from "../../../assembly/map/anon-vma";
import { Link, linkPool } from "../../../assembly/map/link";
import { Mm } from "../../../assembly/map/mm";
import {
  area,
  boot,
  countAll,
  expectEmpty,
  expectSound,
  forked,
  leave,
  mapAnon,
  READ_WRITE,
  space,
  touch,
} from "../op/world";
import { below, randomReset, seeded } from "../random";

let mm = changetype<Mm>(0);

function anonVmaOf(whose: Mm): AnonVma {
  return changetype<AnonVma>(area(whose, 0).anonVma);
}

describe("anon_vma: who owns an area's pages", () => {
  beforeEach(() => {
    boot(4096);
    countAll();
    mm = space();
    mapAnon(mm, 0, 4);
    touch(mm, 0, 1);
  });
  afterEach(() => {
    leave(mm);
    expectEmpty();
  });

  test("R2: a root counts itself and the areas that call it their own", () => {
    const own = anonVmaOf(mm);
    expect<usize>(own.parent).toBe(changetype<usize>(own));
    expect<u32>(own.children).toBe(1);
    expect<u32>(own.active).toBe(1);
    expect<bool>(chainIsSingle(area(mm, 0))).toBe(true);
  });

  test("R1, R2: a fork child is linked to its parent's, and has one of its own", () => {
    const child = forked(mm);
    const vma = area(child, 0);
    expect<u32>(vma.chainCount).toBe(2);
    expect<usize>(changetype<Link>(vma.chainFirst).object).toBe(area(mm, 0).anonVma);
    expect<usize>(anonVmaOf(child).parent).toBe(area(mm, 0).anonVma);
    expect<u32>(anonVmaOf(mm).children).toBe(2);
    expect<u32>(anonVmaOf(mm).active).toBe(1);
    leave(child);
    expect<u32>(anonVmaOf(mm).children).toBe(1);
  });

  test("a chain grows by one with each generation, oldest first", () => {
    const child = forked(mm);
    const grandchild = forked(child);
    const vma = area(grandchild, 0);
    expect<u32>(vma.chainCount).toBe(3);
    expect<usize>(changetype<Link>(vma.chainFirst).object).toBe(area(mm, 0).anonVma);
    expect<usize>(changetype<Link>(vma.chainLast).object).toBe(vma.anonVma);
    leave(child);
    expectSound();
    leave(grandchild);
  });

  test("R2: a fork takes over an ancestor's that nobody uses and that has one child", () => {
    const child = forked(mm);
    const grandchild = forked(child);
    const unused = area(child, 0).anonVma;
    leave(child);
    expect<u32>(changetype<AnonVma>(unused).active).toBe(0);
    const heir = forked(grandchild);
    expect<usize>(area(heir, 0).anonVma).toBe(unused);
    expect<u32>(changetype<AnonVma>(unused).active).toBe(1);
    expectSound();
    const next = forked(grandchild);
    expect<usize>(area(next, 0).anonVma).not.toBe(unused);
    leave(heir);
    leave(next);
    leave(grandchild);
  });

  test("R2: a root whose area is gone has its child and itself, and is not taken over", () => {
    const child = forked(mm);
    const root = area(mm, 0).anonVma;
    leave(mm);
    mm = forked(child);
    expect<usize>(area(mm, 0).anonVma).not.toBe(root);
    expect<u32>(area(mm, 0).chainCount).toBe(3);
    leave(child);
  });

  test("a service that forks and exits for ever does not grow a chain for ever", () => {
    for (let generation = 0; generation < 100; generation++) {
      const child = forked(mm);
      leave(mm);
      mm = child;
      touch(mm, 0, 1);
    }
    expect<bool>(area(mm, 0).chainCount <= 101).toBe(true);
    expect<bool>(poolUsed(anonVmaPool) <= 52).toBe(true);
    expectSound();
  });

  test("R3: an anon_vma goes with the last area that is linked to it", () => {
    const used = poolUsed(anonVmaPool);
    const child = forked(mm);
    leave(mm);
    expect<u32>(poolUsed(anonVmaPool)).toBe(used + 1);
    leave(child);
    expect<u32>(poolUsed(anonVmaPool)).toBe(used - 1);
    expect<u32>(poolUsed(linkPool)).toBe(0);
    mm = space();
  });

  test("neighbours that differ by their protection alone share one", () => {
    mapAnon(mm, 8, 10);
    mapAnon(mm, 10, 12, READ_WRITE | PROT_EXEC);
    touch(mm, 8, 9);
    expect<bool>(anonVmaPrepare(area(mm, 10))).toBe(true);
    expect<usize>(area(mm, 10).anonVma).toBe(area(mm, 8).anonVma);
    expect<u32>(changetype<AnonVma>(area(mm, 8).anonVma).active).toBe(2);
  });

  test("a fork child's neighbour does not share: its chain leads to the parent", () => {
    const child = forked(mm);
    mapAnon(child, 4, 8, READ_WRITE | PROT_EXEC);
    expect<bool>(anonVmaPrepare(area(child, 4))).toBe(true);
    expect<usize>(area(child, 4).anonVma).not.toBe(area(child, 0).anonVma);
    leave(child);
  });

  test("an area that has one keeps it", () => {
    const own = area(mm, 0).anonVma;
    expect<bool>(anonVmaPrepare(area(mm, 0))).toBe(true);
    expect<usize>(area(mm, 0).anonVma).toBe(own);
    expect<u32>(anonVmaOf(mm).active).toBe(1);
  });
});

describe("anon_vma: when memory lacks", () => {
  beforeEach(() => {
    boot(4096);
    countAll();
    mm = space();
    mapAnon(mm, 0, 4);
  });
  afterEach(() => {
    leave(mm);
    expectEmpty();
  });

  test("no record for it: the area is as it was", () => {
    framesReserve(freeFrames());
    const kept = takeAll(anonVmaPool);
    expect<bool>(anonVmaPrepare(area(mm, 0))).toBe(false);
    giveAll(anonVmaPool, kept);
    framesUnreserve(framesReserved());
    expect<usize>(area(mm, 0).anonVma).toBe(0);
    expectSound();
  });

  test("a record for it and none for the link: it is given back", () => {
    framesReserve(freeFrames() - 1);
    poolFree(anonVmaPool, poolAlloc(anonVmaPool));
    const kept = takeAll(linkPool);
    expect<bool>(anonVmaPrepare(area(mm, 0))).toBe(false);
    giveAll(linkPool, kept);
    framesUnreserve(framesReserved());
    expect<usize>(area(mm, 0).anonVma).toBe(0);
    expect<u32>(poolUsed(anonVmaPool)).toBe(0);
    expectSound();
  });
});

/** Takes every record that is left, in a list through their first words. */
function takeAll(pool: Pool): usize {
  let kept: usize = 0;
  for (let one = poolAlloc(pool); one; one = poolAlloc(pool)) {
    store<usize>(one, kept);
    kept = one;
  }
  return kept;
}

function giveAll(pool: Pool, list: usize): void {
  for (let at = list; at; ) {
    const next = load<usize>(at);
    poolFree(pool, at);
    at = next;
  }
}

const MMS: i32 = 12;
const alive = new StaticArray<usize>(MMS);

describe("anon_vma: families", () => {
  test(seeded("R1, R2, R3, R6: forks, writes and exits in any order leave nothing"), () => {
    boot(4096);
    countAll();
    randomReset();
    alive[0] = changetype<usize>(space());
    mapAnon(changetype<Mm>(alive[0]), 0, 8);
    let count = 1;
    for (let step = 0; step < 400; step++) {
      const at = <i32>below(count);
      const chosen = changetype<Mm>(alive[at]);
      const what = below(4);
      if (what == 0 && count < MMS) {
        alive[count] = changetype<usize>(forked(chosen));
        count += 1;
      } else if (what == 1 && count > 1) {
        leave(chosen);
        count -= 1;
        alive[at] = alive[count];
      } else {
        const first = below(8);
        touch(chosen, first, first + 1);
      }
      expectSound();
    }
    for (let at = 0; at < count; at++) leave(changetype<Mm>(alive[at]));
    expectEmpty();
  });
});
