// What is recorded, with prices of this moment, and what was left out.
import { count, el, show, span, table } from "./dom.js";
import { paged } from "./paged.js";
import { checkWords } from "./verdict.js";

export function startMarkets(node, choose) {
  const [recorded, left] = [el("div"), el("details", {}, el("summary", {}, "What was left out, and why"))];
  show(node, recorded, left);
  paged(recorded, "/api/markets", "slug, series, token or condition id", (found) => [
    `${count(found.found)} of ${count(found.recorded)} recorded, ${count(found.live)} live`,
    [found.prices_missing ? el("p", { class: "note" }, `No prices: ${found.prices_missing}.`) : null, rows(found.markets, choose)],
  ], () => true);
  const inside = el("div");
  left.append(inside);
  const refresh = paged(inside, "/api/left-out", "slug or reason", (found) => [
    found.discovered_at_utc ? `${count(found.found)} of ${count(found.left_out)} left out at ${found.discovered_at_utc.slice(11, 19)} UTC` : "no discovery yet",
    [found.warnings.map((words) => el("p", { class: "warn break" }, words)), el("div", { class: "grid" }, reasons(found.reasons), others(found.markets))],
  ], () => left.open);
  left.addEventListener("toggle", refresh);
}

function rows(markets, choose) {
  return table([
    ["market", (row) => [el("span", { class: row.phase === "live" ? "" : "dim" }, row.slug), " ", row.tokens.map((token) => [
      el("button", { type: "button", class: "link", title: `book of ${row.slug} ${token.outcome}`, onclick: () => choose(token.token_id, row) }, token.outcome), " "])], "slug"],
    ["window", bar, "roomy"],
    ["left", left, "num"],
    ["bid", (row) => each(row, "bid"), "num"], ["ask", (row) => each(row, "ask"), "num"], ["spread", (row) => each(row, "spread"), "num roomy"],
    ["msg/s", (row) => (row.rate === null ? "–" : row.rate.toFixed(1)), "num roomy"],
    ["last check", (row) => checkWords(row.check), "roomy"],
    ["verdict", verdict, "break word-wide"],
  ], markets, "no market matches");
}

// The first outcome's price; the second one's is its mirror image, and is seen in its book.
const each = (row, name) => row.tokens[0]?.[name] ?? el("span", { class: "dim" }, "–");

function verdict(row) {
  if (row.verdict) return el("span", { class: "bad" }, row.verdict);
  if (row.phase === "over") return el("span", { class: "dim" }, "over");
  if (!row.tokens.every((token) => token.book)) return el("span", { class: "dim" }, row.phase === "coming" ? "not open yet" : "no book");
  if (row.check && row.check.verdict.startsWith("agree")) return el("span", { class: "good" }, "proved");
  return el("span", { class: "dim" }, "not proved yet");
}

function reasons(found) {
  return el("div", {}, el("h3", {}, "Reasons"), table([
    ["reason", (row) => row.reason, "break"], ["markets", (row) => count(row.markets), "num"],
  ], found, "nothing was left out"));
}

function others(markets) {
  return el("div", {}, el("h3", {}, "Markets"), table([
    ["market", (row) => row.slug || "–", "break"], ["reason", (row) => row.reason, "break dim"],
  ], markets, "none matches"));
}

function bar(row) {
  if (row.passed === null) return el("span", { class: "dim" }, "while it is open");
  const fill = el("i");
  fill.style.width = `${row.passed * 100}%`;
  return el("div", { class: row.phase === "over" ? "bar over" : row.left_seconds < 30 ? "bar late" : "bar", title: `${row.start_time_utc} to ${row.end_time_utc}` }, fill);
}

function left(row) {
  if (row.left_seconds === null) return "–";
  if (row.phase === "over") return el("span", { class: "dim" }, `over ${span(-row.left_seconds)}`);
  if (row.phase === "coming") return el("span", { class: "dim" }, "soon");
  return span(row.left_seconds);
}
