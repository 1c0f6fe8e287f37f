// One awaited munmap: the page's user is the holder, and the call waits for what they decide.

import { count, element, hex } from "./dom.ts";
import { PLACE_TITLES, PLACES, Place, type PlaceName } from "./place.ts";
import { type Answer, DEADLINE, STRIP_PAGES, type ToPage, type View } from "./protocol.ts";
import { type PageRange, Strip } from "./strip.ts";

const ANSWERS: readonly [Answer, string][] = [
  ["let-go", "Let go"],
  ["keep", "Say yes, but keep it"],
  ["refuse", "Refuse"],
];

const TICK_MS = 250;

export class MunmapPanel {
  readonly node: HTMLElement;
  readonly #strip: Strip;
  readonly #status = element("p", { role: "status", class: "status" });
  readonly #log = element("ol", { class: "log", "aria-label": "What happened" });
  readonly #maps = element("pre", { class: "maps", tabindex: 0, "aria-label": "maps" });
  readonly #deadline = element("progress", { "aria-label": "Time left to answer", max: DEADLINE });
  readonly #answers: readonly HTMLButtonElement[];
  readonly #munmap = element("button", { type: "button", class: "primary" }, "munmap");
  readonly #from = bound("from page", 2);
  readonly #to = bound("to page, not included", 12);
  readonly #places: readonly HTMLInputElement[];
  #place: Place | null = null;
  #view: View | null = null;
  #isOpen = false;
  #begin = 0;
  #timer = 0;

  constructor() {
    this.#strip = new Strip((index, on) => this.#place?.say({ kind: "hold", index, on }));
    this.#answers = ANSWERS.map(([answer, title]) =>
      element(
        "button",
        { type: "button", disabled: true, click: () => this.#reply(answer) },
        title,
      ),
    );
    this.#places = PLACES.map((name) =>
      element("input", {
        type: "radio",
        name: "place",
        value: name,
        checked: name === "worker",
        change: () => void this.#restart(),
      }),
    );
    this.#munmap.addEventListener("click", () => this.#start());
    for (const input of [this.#from, this.#to]) {
      input.addEventListener("input", () => this.#draw());
    }
    this.node = element("section", { class: "card", id: "munmap", "data-state": "idle" });
    this.node.append(...this.#parts());
    void this.#restart();
  }

  #parts(): HTMLElement[] {
    const places = PLACES.map((name, index) =>
      element("label", {}, this.#places[index] ?? "", PLACE_TITLES[name]),
    );
    const again = element("button", { type: "button", click: () => void this.#restart() });
    again.append("Start over");
    return [
      element("fieldset", { class: "choice" }, element("legend", {}, "Engine in"), ...places),
      this.#strip.node,
      element(
        "div",
        { class: "actions" },
        this.#munmap,
        element("label", {}, "pages", this.#from),
        element("label", {}, "up to", this.#to),
        again,
      ),
      element(
        "div",
        { class: "actions holder" },
        "The holder:",
        ...this.#answers,
        "time left",
        this.#deadline,
      ),
      this.#status,
      this.#log,
      this.#maps,
    ];
  }

  async #restart(): Promise<void> {
    this.#place?.close();
    this.#place = null;
    this.#log.replaceChildren();
    this.#close("idle");
    this.#status.textContent =
      "Click a page to hold it or to let it go. Then unmap: the call waits for whoever holds.";
    const chosen = this.#places.find((input) => input.checked)?.value;
    const name: PlaceName = chosen === "main" ? "main" : "worker";
    const place = await Place.start(name, (message) => this.#hear(message));
    this.#place = place;
    place.say({ kind: "open" });
  }

  #start(): void {
    this.#log.replaceChildren();
    this.#begin = performance.now();
    this.#isOpen = true;
    this.node.dataset["state"] = "planned";
    this.#note("plan", "the range is valid and frozen; nothing has changed");
    this.#munmap.disabled = true;
    this.#place?.say({ kind: "munmap", ...this.#range() });
  }

  #reply(answer: Answer): void {
    this.#note("answer", ANSWERS.find(([each]) => each === answer)?.[1] ?? answer);
    this.#ask(false);
    this.#place?.say({ kind: "answer", answer });
  }

  #hear(message: ToPage): void {
    switch (message.kind) {
      case "view":
        this.#view = message.view;
        this.#draw();
        break;
      case "noticed":
        this.#noticed(message.reason, message.start, message.end);
        break;
      case "withdrawn":
        this.#note("signal", "the deadline has passed, or the call was given up");
        this.#ask(false);
        break;
      case "ended":
        this.#note("end", message.committed ? "committed; may map again" : "not committed");
        break;
      case "settled":
        this.#settled(message.error, message.milliseconds);
        break;
      case "failed":
        this.#status.textContent = message.message;
        this.node.dataset["state"] = "failed";
    }
  }

  #noticed(reason: string, start: number, end: number): void {
    this.#note("notify", `${reason} of [${hex(start)}, ${hex(end)}): the holder is asked`);
    this.node.dataset["state"] = "noticed";
    this.#status.textContent = "munmap waits for the holder. The pages are still there: decide.";
    this.#ask(true);
    this.#answers[0]?.focus();
  }

  #settled(error: string | null, milliseconds: number): void {
    const took = `after ${count(milliseconds)} ms`;
    this.#note(error === null ? "commit" : "abort", `${error ?? "the pages are gone"}, ${took}`);
    this.#close(error === null ? "unmapped" : "aborted");
    this.#status.textContent =
      error === null
        ? "Unmapped: every holder had let go before the first page went."
        : `${error}. Nothing was unmapped, nothing is lost.`;
    this.#draw();
    this.#munmap.focus();
  }

  #close(state: string): void {
    this.#isOpen = false;
    this.#munmap.disabled = false;
    this.node.dataset["state"] = state;
    this.#ask(false);
  }

  /** Lets the user answer, while the deadline runs; or no more. */
  #ask(isAsked: boolean): void {
    for (const button of this.#answers) button.disabled = !isAsked;
    clearInterval(this.#timer);
    this.#deadline.value = isAsked ? DEADLINE : 0;
    if (!isAsked) return;
    const begin = performance.now();
    const tick = () => {
      this.#deadline.value = Math.max(DEADLINE - (performance.now() - begin), 0);
    };
    this.#timer = window.setInterval(tick, TICK_MS);
  }

  #note(step: string, what: string): void {
    const at = `${Math.round(performance.now() - this.#begin)} ms`;
    const time = element("span", { class: "time" }, at);
    this.#log.append(element("li", { "data-step": step }, element("b", {}, step), what, time));
  }

  #range(): PageRange {
    const from = clamp(this.#from.valueAsNumber, 0, STRIP_PAGES - 1);
    return { from, to: clamp(this.#to.valueAsNumber, from + 1, STRIP_PAGES) };
  }

  #draw(): void {
    if (this.#view === null) return;
    this.#strip.show(this.#view.pages, this.#range(), this.#isOpen);
    this.#maps.textContent = this.#view.maps === "" ? "nothing is mapped" : this.#view.maps;
  }
}

function bound(label: string, value: number): HTMLInputElement {
  const range = { min: 0, max: STRIP_PAGES, step: 1 };
  return element("input", { type: "number", "aria-label": label, value, ...range });
}

function clamp(value: number, least: number, most: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(Math.trunc(value), least), most) : least;
}
