// Sixteen pages in a row: each a button that the holder takes hold with.
//
// Arrow keys, Home and End move; Enter or Space takes hold or lets go.

import { element, hex } from "./dom.ts";
import { type PageView, STRIP_PAGES } from "./protocol.ts";

export interface PageRange {
  readonly from: number;
  readonly to: number;
}

const MOVES: Readonly<Record<string, (index: number) => number>> = {
  ArrowLeft: (index) => index - 1,
  ArrowRight: (index) => index + 1,
  Home: () => 0,
  End: () => STRIP_PAGES - 1,
};

export class Strip {
  readonly node: HTMLElement;
  readonly #cells: readonly HTMLButtonElement[];

  constructor(toggle: (index: number, on: boolean) => void) {
    this.#cells = Array.from({ length: STRIP_PAGES }, (_, index) =>
      element("button", {
        type: "button",
        class: "page",
        tabindex: index === 0 ? 0 : -1,
        click: () => toggle(index, this.#cells[index]?.getAttribute("aria-pressed") !== "true"),
      }),
    );
    this.node = element(
      "div",
      { class: "strip", role: "group", "aria-label": "Pages of the address space" },
      ...this.#cells,
    );
    this.node.addEventListener("keydown", (event) => this.#move(event));
  }

  /** Draws what the page table says. `range` is what munmap is about. */
  show(pages: readonly PageView[], range: PageRange, isFrozen: boolean): void {
    for (const [index, page] of pages.entries()) {
      const isMarked = index >= range.from && index < range.to;
      this.#draw(index, page, isMarked, isMarked && isFrozen);
    }
  }

  #draw(index: number, page: PageView, isMarked: boolean, isFrozen: boolean): void {
    const cell = this.#cells[index];
    if (cell === undefined) return;
    const state = !page.mapped ? "gone" : page.held ? "held" : "mapped";
    const frame = page.mapped ? `frame ${hex(page.pfn)}` : "no frame";
    cell.dataset["state"] = state;
    cell.classList.toggle("marked", isMarked);
    cell.classList.toggle("frozen", isFrozen);
    cell.setAttribute("aria-pressed", String(page.held));
    cell.setAttribute(
      "aria-label",
      `page ${index}, ${hex(page.address)}: ${state}, ${frame}${isFrozen ? ", frozen" : ""}`,
    );
    cell.title = `${hex(page.address)}\n${frame}`;
    cell.replaceChildren(
      element("span", { class: "number" }, hex(index)),
      element("span", { class: "frame" }, page.mapped ? hex(page.pfn) : "—"),
      element("span", { class: "state" }, state),
    );
  }

  #move(event: Event): void {
    if (!(event instanceof KeyboardEvent && event.target instanceof HTMLButtonElement)) return;
    const move = MOVES[event.key];
    const index = this.#cells.indexOf(event.target);
    if (move === undefined || index < 0) return;
    event.preventDefault();
    const next = this.#cells[Math.min(Math.max(move(index), 0), STRIP_PAGES - 1)];
    for (const cell of this.#cells) cell.tabIndex = cell === next ? 0 : -1;
    next?.focus();
  }
}
