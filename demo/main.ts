// The demo's page: whatever carries `data-pagebell` gets it, or else the end of the document.

import { element } from "./dom.ts";
import { MunmapPanel } from "./munmap-panel.ts";
import { RECORDINGS } from "./recordings.ts";
import { ReplayCard } from "./replay-card.ts";
import style from "./style.css?inline";

function themeSwitch(root: HTMLElement): HTMLElement {
  const button = element("button", { type: "button", class: "theme" }, "Light or dark");
  button.addEventListener("click", () => {
    const isDark = getComputedStyle(root).getPropertyValue("--is-dark").trim() === "1";
    root.dataset["theme"] = isDark ? "light" : "dark";
  });
  return button;
}

function header(root: HTMLElement): HTMLElement {
  return element(
    "header",
    {},
    element("h1", {}, "pagebell"),
    element("p", {}, "A memory manager in WebAssembly that rings before a page goes away."),
    themeSwitch(root),
  );
}

function chapter(title: string, about: string, ...content: Node[]): HTMLElement {
  return element("section", {}, element("h2", {}, title), element("p", {}, about), ...content);
}

function mount(root: HTMLElement): void {
  const cards = RECORDINGS.map((recording) => new ReplayCard(recording).node);
  root.classList.add("pagebell");
  root.append(
    element("style", {}, style),
    header(root),
    chapter(
      "One awaited munmap",
      "A device outside holds some of these pages. It is told before they go, and waited for.",
      new MunmapPanel().node,
    ),
    chapter(
      "Real programs, replayed",
      "What these programs did to their memory was recorded on a Linux kernel. The engine does " +
        "it again, with a holder outside who exports every page and answers a turn later; every " +
        "result and every state is compared with the kernel's.",
      element("div", { class: "cards" }, ...cards),
    ),
  );
}

mount(document.querySelector<HTMLElement>("[data-pagebell]") ?? document.body);
