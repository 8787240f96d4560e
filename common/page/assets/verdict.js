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

const CHECKS = {
  agree: ["hash agrees", "good"], agree_late: ["hash agrees", "good"], healed: ["healed", "warn"], size_only: ["sizes differ", "warn"],
  rest_wrong: ["checkpoint wrong", "warn"], divergence: ["diverged", "bad"], not_checkable: ["not checkable", "dim"],
};

// The last check of a book by its hash, in words.
export function checkWords(check) {
  if (!check) return el("span", { class: "dim" }, "not checked yet");
  const [words, kind] = CHECKS[check.verdict] || [check.verdict, "dim"];
  return el("span", { class: kind, title: check.reason || null }, check.at_utc ? `${words} ${check.at_utc.slice(11, 19)}` : words);
}
