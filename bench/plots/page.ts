// bench/results/index.html: every report that is kept as plots, the newest first.

import { figure } from "../cells.ts";
import { familiesOf, referencesOf } from "../families.ts";
import type { GrowthReport } from "../growth/measure.ts";
import type { BenchReport, CaseReport } from "../report.ts";
import { OURS } from "../sides/all.ts";
import type { TargetReport } from "../targets/target.ts";
import { growthChart, historyChart, labelOf, legendOf, mediansChart } from "./charts.ts";

/** A page that needs nothing else. Reports: the newest first. */
export function pageOf(reports: readonly BenchReport[]): string {
  const parts = [history(reports), ...reports.map(section)];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>pagebell: benchmarks</title>
<style>${STYLE}</style>
<h1>pagebell: benchmarks</h1>
<p>Medians of full operations, with quartiles; docs/benchmarks.md says how they are measured.
Left is faster. Made of the reports beside this page by <code>npm run bench -- --save</code>.</p>
${parts.filter((part) => part !== "").join("\n")}
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 780px; margin: 2rem auto; padding: 0 1rem; }
svg { --plot-background: transparent; max-width: 100%; height: auto; }
h2 { margin-top: 3rem; border-bottom: 1px solid #8886; }
h3 { margin-bottom: 0.25rem; }
ul.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; margin: 0; padding: 0; }
ul.legend li { list-style: none; }
ul.legend span { display: inline-block; width: 0.7em; height: 0.7em; border-radius: 50%; }
.growth { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: 1rem; }
.growth figure { margin: 0; }
table { border-collapse: collapse; }
td, th { padding: 0.15rem 0.75rem 0.15rem 0; text-align: left; }
td.number { text-align: right; }
td.missed { color: #c0392b; }
td.met { color: #2e8b57; }
`;

/** Only where there is more than one report. */
function history(reports: readonly BenchReport[]): string {
  if (reports.length < 2) return "";
  return `<h2>All reports</h2>\n${legend(reports.map(labelOf))}\n${historyChart(reports)}`;
}

function section(report: BenchReport): string {
  const { machine, cases, growth, targets } = report;
  const where = [machine.cpu, `${machine.cores} cores`, machine.os].map(safe);
  const parts = [
    `<h2>${safe(labelOf(report))}</h2>\n<p>${where.join(", ")}</p>`,
    ...familiesOf(cases).map(family),
    growths(growth),
    wishes(targets),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

function family(cases: readonly CaseReport[]): string {
  const sides = [OURS, ...referencesOf(cases)];
  const title = sides.length === 1 ? OURS : `beside ${sides.slice(1).join(", ")}`;
  return `<h3>${safe(title)}</h3>\n${legend(sides)}\n${mediansChart(cases)}`;
}

function growths(growth: readonly GrowthReport[]): string {
  if (growth.length === 0) return "";
  const figures = growth.map((one) => {
    const law = `to the power of ${one.exponent.toFixed(2)}; wanted: ${one.wanted}`;
    const caption = `<figcaption><b>${safe(one.name)}</b>: ${safe(law)}</figcaption>`;
    return `<figure>${caption}${growthChart(one)}</figure>`;
  });
  return `<h3>How cost grows</h3>\n<div class="growth">\n${figures.join("\n")}\n</div>`;
}

function wishes(targets: readonly TargetReport[]): string {
  if (targets.length === 0) return "";
  const rows = targets.map(({ name, want, got, met }) => {
    const word = met ? "met" : "missed";
    const cells = `<td>${safe(name)}<td>${safe(want)}<td class="number">${figure(got)}`;
    return `<tr>${cells}<td class="${word}">${word}`;
  });
  const head = "<tr><th>target<th>wanted<th>got<th>";
  return `<h3>Targets</h3>\n<table>\n${head}\n${rows.join("\n")}\n</table>`;
}

function legend(sides: readonly string[]): string {
  const items = legendOf(sides).map(
    ([side, colour]) => `<li><span style="background:${colour}"></span> ${safe(side)}`,
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

/** Text for between tags. */
function safe(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
