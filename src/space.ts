// What the shell knows of an address space: who watches it, and whether it still takes calls.
//
// Invariants
//   M1  `handle` is what calls use; it is 0, which the engine answers with ESRCH, as soon as exit
//       has begun. `id` stays, for the records that outlive the mm.
//   M2  A watch that is in `watchers` is counted once in the engine.
//   M6  `tracking` is that of the last clearing of soft-dirty: with any other it is null.

import { typeError } from "./arguments.ts";
import type { Core } from "./core.ts";
import type { Mm } from "./mm.ts";
import type { Bracket } from "./notifier/bracket.ts";
import type { Member } from "./notifier/member.ts";

/** What the next diff of an address space is told from. */
export interface Tracking {
  /** Name of the state. */
  readonly id: string;
  /** The contents of pages of files, by address: a hash, or a mark that the page was private. */
  readonly files: ReadonlyMap<number, number>;
}

/** Key of the internal half of a public object. */
export const SPACE: unique symbol = Symbol("space");

/** Key of the bracket that a public object carries into its calls. */
export const CONTEXT: unique symbol = Symbol("context");

export class Space {
  readonly core: Core;
  readonly id: number;
  handle: number;
  readonly watchers = new Set<Member>();
  /** What the last diff was taken of; null since somebody else cleared soft-dirty (M6). */
  tracking: Tracking | null = null;
  /** Name of the state that was applied last, null where there is none. */
  applied: string | null = null;
  /** The object that callbacks get: one per address space, whoever asks. */
  readonly mm: Mm;

  constructor(core: Core, id: number, wrap: (space: Space, context: Bracket | null) => Mm) {
    this.core = core;
    this.id = id;
    this.handle = id;
    this.mm = wrap(this, null);
  }
}

/** The internal half of an Mm; one of another machine, or anything else, is a wrong type. */
export function spaceOf(core: Core, mm: Mm): Space {
  const space: Space | undefined = (mm as Partial<Mm> | null | undefined)?.[SPACE];
  if (space === undefined) throw typeError("mm", "an Mm", mm);
  if (space.core !== core) throw new TypeError("mm: it belongs to another machine");
  return space;
}
