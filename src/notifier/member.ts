// One registered subscriber, as the machine knows it.
//
//            register              unregister                 drained
//   (none) ───────────▶ Active ───────────────▶ Leaving ───────────────▶ Gone
//                         │                        │                       ▲
//                         └────────── fence ───────┴───────────────────────┘
//
// Invariants
//   S4  `id` names its records in the engine; it is given away again only when it is Gone.
//   S5  Leaving and Gone members export nothing; Gone ones have no record and no callback running.
//   S6  `owing` holds the callbacks that missed their deadline and have not settled.

import type { Page } from "../page.ts";
import type { Space } from "../space.ts";
import type { Delivery } from "./delivery.ts";
import { CALLBACKS, type Callback, type ExportOps } from "./ops.ts";

export type MemberState = "active" | "leaving" | "gone";

export class Member {
  readonly id: number;
  /** Position in the order of registration. */
  readonly order: number;
  readonly ops: ExportOps;
  /** The callbacks that it had when it registered; what they are is looked up at each call. */
  readonly hears: ReadonlySet<Callback>;
  readonly name: string;
  readonly sync: boolean;
  /** Milliseconds that one callback may take. */
  readonly deadline: number;
  state: MemberState = "active";
  fenced = false;
  /** Callbacks that were called and have not settled. */
  readonly working: Delivery[] = [];
  readonly owing = new Set<Delivery>();
  /** Open brackets that tell it, or have told it. */
  openBrackets = 0;
  readonly watching = new Set<Space>();
  /** Pages given out by `export`, by space and address, so that they end with their record. */
  readonly pages = new Map<Space, Map<number, Page>>();
  readonly idleListeners = new Set<() => void>();
  readonly #changed = new Set<() => void>();

  constructor(id: number, order: number, ops: ExportOps, deadline: number) {
    this.id = id;
    this.order = order;
    this.ops = ops;
    this.hears = new Set(CALLBACKS.filter((name) => ops[name] !== undefined));
    this.name = ops.name;
    this.sync = ops.sync === true;
    this.deadline = ops.deadline ?? deadline;
  }

  /** Whether nothing of it runs any more and nobody will tell it anything. */
  get isDrained(): boolean {
    return this.working.length === 0 && this.openBrackets === 0;
  }

  /** Calls `listener` whenever a callback settles or a bracket that reaches it ends. */
  onChange(listener: () => void): () => void {
    this.#changed.add(listener);
    return () => this.#changed.delete(listener);
  }

  changed(): void {
    if (this.#changed.size === 0) return;
    for (const listener of [...this.#changed]) listener();
  }
}
