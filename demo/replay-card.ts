// One recording: replayed in a Worker and on this thread, and what came of it, side by side.

import type { ReplayReport } from "../src/replay/index.ts";
import { count, element } from "./dom.ts";
import { PLACE_TITLES, PLACES, Place, type PlaceName } from "./place.ts";
import type { ToPage } from "./protocol.ts";
import type { DemoRecording } from "./recordings.ts";

/** A row of the table: its name, and what a report says there. */
const ROWS: readonly [string, (report: ReplayReport) => string][] = [
  ["operations", ({ ops }) => count(ops)],
  ["states compared", ({ states }) => count(states)],
  ["disagreements", (report) => count(disagreements(report))],
  ["pages announced by the kernel", ({ notices }) => count(notices.kernelPages)],
  ["changed without a notice", ({ notices }) => count(notices.missed)],
  ["announced by us alone", ({ notices }) => count(notices.extra)],
  ["notices that the holder got", ({ notices }) => count(notices.sent)],
  ["page faults", ({ faults }) => count(faults)],
  ["copy-on-write breaks", ({ cowBreaks }) => count(cowBreaks)],
  ["most frames in use", ({ peakFrames }) => count(peakFrames)],
  ["milliseconds", ({ seconds }) => count(seconds * 1000)],
  ["operations a second", ({ opsPerSecond }) => count(opsPerSecond)],
];

export class ReplayCard {
  readonly node: HTMLElement;
  readonly #recording: DemoRecording;
  readonly #button = element("button", { type: "button" }, "Replay");
  readonly #bar: HTMLProgressElement;
  readonly #status = element("p", { role: "status", class: "status" }, "Not replayed yet.");
  readonly #body = element("tbody");
  readonly #share = element("div", { class: "share", hidden: true });
  readonly #reports = new Map<PlaceName, ReplayReport>();

  constructor(recording: DemoRecording) {
    this.#recording = recording;
    this.#bar = element("progress", {
      max: 1,
      value: 0,
      "aria-label": `Replay of ${recording.title}`,
    });
    this.#button.addEventListener("click", () => void this.#run());
    this.node = element(
      "article",
      { class: "card", id: recording.id, "data-state": "idle" },
      element("h3", {}, recording.title),
      element("p", {}, recording.about),
      element("div", { class: "actions" }, this.#button, this.#bar),
      this.#status,
      this.#share,
      element("table", {}, heading(), this.#body),
    );
    this.#draw();
  }

  async #run(): Promise<void> {
    this.#button.disabled = true;
    this.#reports.clear();
    this.node.dataset["state"] = "running";
    try {
      const bytes = await download(this.#recording.address);
      for (const place of PLACES) {
        this.#status.textContent = `Replaying in: ${PLACE_TITLES[place]} …`;
        this.#reports.set(place, await this.#replayIn(place, bytes));
        this.#draw();
      }
      this.#conclude();
    } catch (cause) {
      this.node.dataset["state"] = "failed";
      this.#status.textContent = cause instanceof Error ? cause.message : String(cause);
    }
    this.#button.disabled = false;
  }

  #replayIn(name: PlaceName, bytes: Uint8Array<ArrayBuffer>): Promise<ReplayReport> {
    return new Promise((resolve, reject) => {
      const hear = (message: ToPage) => {
        if (message.kind === "progress") this.#advance(message.done, message.total);
        else if (message.kind === "report") resolve(message.report);
        else if (message.kind === "failed") reject(new Error(message.message));
        else return;
        if (message.kind !== "progress") started.then((place) => place.close());
      };
      const started = Place.start(name, hear);
      started.then(
        (place) => place.say({ kind: "replay", file: this.#recording.id, bytes }),
        reject,
      );
    });
  }

  #advance(done: number, total: number): void {
    this.#bar.max = total;
    this.#bar.value = done;
  }

  #draw(): void {
    const rows = ROWS.map(([title, read]) => {
      const cells = PLACES.map((place) => {
        const report = this.#reports.get(place);
        return element("td", {}, report === undefined ? "–" : read(report));
      });
      return element("tr", {}, element("th", { scope: "row" }, title), ...cells);
    });
    this.#body.replaceChildren(...rows);
  }

  #conclude(): void {
    const reports = [...this.#reports.values()];
    const wrong = reports.reduce((sum, each) => sum + disagreements(each) + each.notices.missed, 0);
    const [report] = reports;
    if (report === undefined) return;
    this.node.dataset["state"] = wrong === 0 ? "agrees" : "disagrees";
    this.#status.textContent =
      wrong === 0
        ? `The engine agrees with the kernel in all ${count(report.ops)} operations and ` +
          `${count(report.states)} states, in both places; no page changed without a notice.`
        : `The engine disagrees with the kernel ${count(wrong)} times${firstOf(report)}.`;
    this.#drawShare(report);
  }

  /** The notices as one bar: both announced, we alone, nobody though the page changed. */
  #drawShare({ notices: { kernelPages, missed, extra } }: ReplayReport): void {
    const parts = [
      ["both", "announced by kernel and engine", kernelPages - missed],
      ["extra", "by the engine alone", extra],
      ["missed", "missed", missed],
    ] as const;
    const bars = parts.map(([name, , pages]) =>
      element("span", { class: `part ${name}`, style: `flex-grow: ${pages}` }),
    );
    const words = parts.map(([name, title, pages]) =>
      element("span", { class: `key ${name}` }, `${count(pages)} ${title}`),
    );
    this.#share.hidden = false;
    this.#share.replaceChildren(
      element("div", { class: "bar", "aria-hidden": "true" }, ...bars),
      element("p", { class: "keys" }, "Pages: ", ...words),
    );
  }
}

function heading(): HTMLElement {
  const cells = PLACES.map((place) => element("th", { scope: "col" }, PLACE_TITLES[place]));
  return element("thead", {}, element("tr", {}, element("td"), ...cells));
}

function disagreements({ disagree }: ReplayReport): number {
  return disagree.result + disagree.maps + disagree.pages + disagree.data;
}

function firstOf({ first }: ReplayReport): string {
  if (first === null) return "";
  return `, first at line ${first.line}: the kernel has ${first.want}, the engine ${first.got}`;
}

async function download(address: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
