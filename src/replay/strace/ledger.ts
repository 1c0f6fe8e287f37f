// The account of one address space while a log is replayed.

import type { Mm } from "../../mm.ts";
import type { RecordedCall } from "../format.ts";
import type { StraceProcessReport } from "./report.ts";
import type { StraceSpace } from "./tasks.ts";

export class Ledger {
  readonly #space: StraceSpace;
  readonly #operations = new Map<string, number>();
  agreed = 0;
  differed = 0;
  placed = 0;
  placedAlike = 0;
  presumedPages = 0;
  notices = 0;
  noticedPages = 0;
  #areas = 0;
  #pages = 0;

  constructor(space: StraceSpace) {
    this.#space = space;
  }

  count({ op }: RecordedCall): void {
    this.#operations.set(op, (this.#operations.get(op) ?? 0) + 1);
  }

  /** Looks at what there is, before it ends. */
  close(mm: Mm): void {
    this.#areas = mm.areas().length;
    this.#pages = 0;
    for (const { present } of mm.pagemap()) if (present) this.#pages++;
  }

  /** `pidOf` names the space that it came from. */
  report(pidOf: (proc: number) => number): StraceProcessReport {
    const { began, ended, parent, pid, program } = this.#space;
    return {
      pid,
      parent: parent === null ? null : pidOf(parent),
      program,
      began,
      ended,
      operations: Object.fromEntries(this.#operations),
      agreed: this.agreed,
      differed: this.differed,
      placement: { asked: this.placed, agreed: this.placedAlike },
      presumedPages: this.presumedPages,
      notices: this.notices,
      noticedPages: this.noticedPages,
      areas: this.#areas,
      pages: this.#pages,
    };
  }
}
