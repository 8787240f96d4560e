import { el, show, span, time } from "./dom.js";

export function showVerdict(node, { verdict, run }) {
  const since = verdict.since_utc ? ` since ${time(verdict.since_utc)} UTC` : "";
  const chips = [
    el("span", { class: run.exchange === "simulated" ? "chip warn" : "chip" }, `${run.exchange} exchange`),
    el("span", { class: "chip" }, `up ${span(run.up_seconds)}`),
    el("span", { class: "chip" }, run.version),
  ];
  const lines = [...verdict.why.map((words) => ["", words]), ...(verdict.todo ? [["What to do: ", verdict.todo]] : []),
    ...verdict.warnings.map((words) => ["Warning: ", words])];
  node.className = `verdict ${verdict.level}`;
  show(node, el("div", { class: "wide" },
    el("div", { class: "top" }, el("h1", {}, verdict.headline + since), el("div", { class: "chips" }, chips)),
    lines.length ? el("ul", {}, lines.map(([label, words]) => el("li", { class: "break" }, el("b", {}, label), words))) : null));
  document.title = `${verdict.level === "whole" ? "●" : "▲"} ${verdict.headline}`;
}
