// Random histories of huge pages in a small pool against a model that knows nothing of page tables:
// bytes, SIGBUS and what the pool has left.

import { expect, test } from "vitest";
import { MADV_DONTNEED, MREMAP_FIXED, MREMAP_MAYMOVE } from "../../src/constants.ts";
import { MemoryError } from "../../src/errors.ts";
import type { Machine } from "../../src/machine.ts";
import type { Mm } from "../../src/mm.ts";
import type { Subscriber } from "../../src/notifier/subscriber.ts";
import { hold } from "../support/holder.ts";
import {
  bootHuge,
  get,
  HUGE,
  HUGE_PRIVATE,
  HUGE_SHARED,
  huge,
  hugePages,
  mapHuge,
  put,
} from "../support/huge.ts";
import { prng, type Random, SEED } from "../support/prng.ts";

const POOL = 8;
const PLACES = 6;
const FAMILY = 3;
const STEPS = 1_200;

/** The bytes of one huge page that somebody has touched; several places may show it. */
interface Bytes {
  value: number;
}

/** Shared memory: its pages by index, whoever shows them. */
type Store = Map<number, Bytes>;

/** What stands at one place of an address space. */
interface Place {
  /** The area that it is a part of: who maps private memory owns it, a fork child does not. */
  readonly area: { isOwner: boolean };
  /** Null for private memory. */
  readonly shared: Store | null;
  readonly index: number;
  page: Bytes | null;
}

interface Member {
  readonly mm: Mm;
  readonly places: (Place | null)[];
}

/** The outcome of a call: its value, or the code of its error. */
function outcome<T>(call: () => T): T | string {
  try {
    return call();
  } catch (error) {
    if (error instanceof MemoryError) return error.code;
    throw error;
  }
}

/** The page that a place shows now, be it its own or the file's. */
function pageAt(place: Place): Bytes | null {
  return place.shared === null ? place.page : (place.shared.get(place.index) ?? null);
}

/**
 * Distinct pages that are in memory: what private places have, and all of a store that is shown.
 */
function inUse(family: readonly Member[]): number {
  const pages = new Set<Bytes>();
  for (const { places } of family) {
    for (const place of places) {
      if (place?.page) pages.add(place.page);
      for (const page of place?.shared?.values() ?? []) pages.add(page);
    }
  }
  return pages.size;
}

function fill(place: Place, page: Bytes): void {
  if (place.shared === null) place.page = page;
  else place.shared.set(place.index, page);
}

/** What has happened, and what must be seen of it. */
class History {
  readonly machine: Machine;
  readonly family: Member[];
  readonly #random: Random;
  readonly #subscriber: Subscriber;

  constructor(random: Random) {
    const booted = bootHuge(POOL);
    this.machine = booted.machine;
    this.#random = random;
    this.#subscriber = hold(booted, { sync: true }).subscriber;
    const places = Array.from({ length: PLACES }, (): Place | null => null);
    this.family = [{ mm: booted.mm, places }];
  }

  async step(): Promise<void> {
    const random = this.#random;
    const member = random.pick(this.family);
    const at = random.below(PLACES);
    const count = 1 + random.below(PLACES - at);
    const kind = random.below(14);
    if (kind < 2) this.#map(member, at, count);
    else if (kind < 5) this.#read(member, at);
    else if (kind < 9) this.#write(member, at);
    else if (kind === 9) this.#move(member, at, random.below(PLACES));
    else if (kind === 10) await this.#clear(member, at);
    else if (kind === 11) await this.#unmap(member, at, count);
    else if (kind === 12) await this.#live(member);
    else if (member.mm.page(huge(at)) !== null) {
      this.#subscriber.exportSync(member.mm, huge(at, 40_960));
    }
  }

  #map({ mm, places }: Member, at: number, count: number): void {
    const isShared = this.#random.oneIn(3);
    const flags = isShared ? HUGE_SHARED : HUGE_PRIVATE;
    const answer = outcome(() => mapHuge(mm, at, at + count, flags));
    const shared: Store | null = isShared ? new Map() : null;
    const area = { isOwner: !isShared };
    for (let index = 0; index < count; index++) {
      places[at + index] = answer === huge(at) ? { area, shared, index, page: null } : null;
    }
    if (answer !== huge(at)) expect(answer).toBe("ENOMEM");
  }

  #read({ mm, places }: Member, at: number) {
    const place = places[at];
    const got = outcome(() => get(mm, at));
    if (!place) return expect(got).toBe("SIGSEGV");
    const known = pageAt(place);
    if (known !== null) return expect(got).toBe(known.value);
    if (got === "SIGBUS") return;
    expect(got).toBe(0);
    fill(place, { value: 0 });
  }

  /** Nobody else but those who share memory may see what is written. */
  #write({ mm, places }: Member, at: number) {
    const place = places[at];
    const value = this.#random.below(256);
    const got = outcome(() => put(mm, at, value));
    if (!place) return expect(got).toBe("SIGSEGV");
    const known = pageAt(place);
    // Who was promised its pages keeps those it has, though others share them.
    if (got === "SIGBUS") return expect(place.area.isOwner && known !== null).toBe(false);
    expect(got).toBeUndefined();
    if (place.shared === null) this.#leaveOthers(place);
    if (place.shared !== null && known !== null) known.value = value;
    else fill(place, { value });
  }

  /** An owner without a page for its copy takes it from the others: they have none from then on. */
  #leaveOthers(place: Place): void {
    const { page } = place;
    if (page === null) return;
    for (const { mm, places } of this.family) {
      for (const [at, other] of places.entries()) {
        const shows = other !== place && other?.page === page;
        if (shows && mm.page(huge(at)) === null) other.page = null;
      }
    }
  }

  #move({ mm, places }: Member, from: number, to: number): void {
    const moved = places[from];
    if (from === to || !moved) return;
    mm.mremapSync(huge(from), HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, huge(to));
    const { isOwner } = moved.area;
    // What stays of an area that moves in part is promised nothing any more.
    moved.area.isOwner = false;
    places[to] = { ...moved, area: { isOwner } };
    places[from] = null;
  }

  async #clear({ mm, places }: Member, at: number): Promise<void> {
    const place = places[at];
    if (!place) return;
    await mm.madvise(...hugePages(at, at + 1), MADV_DONTNEED);
    place.page = null;
  }

  async #unmap({ mm, places }: Member, at: number, count: number): Promise<void> {
    await mm.munmap(...hugePages(at, at + count));
    places.fill(null, at, at + count);
  }

  async #live({ mm, places }: Member): Promise<void> {
    const { family } = this;
    if (family.length < FAMILY) {
      const area = { isOwner: false };
      const copies = places.map((place) => place && { ...place, area });
      family.push({ mm: await mm.fork(), places: copies });
    } else {
      const index = 1 + this.#random.below(family.length - 1);
      await family.splice(index, 1)[0]?.mm.exit();
    }
  }
}

test(`bytes and the pool, SEED=${SEED}`, async () => {
  const history = new History(prng(SEED));
  const { machine, family } = history;
  for (let turn = 0; turn < STEPS; turn++) {
    await history.step();
    expect(machine.check()).toBe(0);
    expect(machine.hugePages.free, `turn ${turn}`).toBe(POOL - inUse(family));
  }
  for (const { mm } of family) await mm.exit();
  expect(machine.hugePages).toEqual({ total: POOL, free: POOL, reserved: 0 });
});
