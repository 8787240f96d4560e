import { ask, count, el, show, span, table } from "./dom.js";

const POLL_MS = 5000;

export function startMarkets(node, choose) {
  let page = 1;
  let asked = 0;
  const search = el("input", { type: "search", placeholder: "slug, series, token or condition id", "aria-label": "Search markets" });
  const back = el("button", { type: "button", onclick: () => turn(-1) }, "‹ previous");
  const on = el("button", { type: "button", onclick: () => turn(1) }, "next ›");
  const words = el("span", { class: "dim", role: "status" });
  const list = el("div");
  show(node, el("div", { class: "controls" }, search, back, on, words), list);

  const turn = (by) => { page += by; return refresh(); };
  const refresh = async () => {
    const mine = ++asked;
    try {
      const found = await ask("/api/markets", { search: search.value, page });
      if (mine !== asked) return; // a later question was asked meanwhile
      page = found.page;
      words.textContent = `${count(found.found)} of ${count(found.recorded)} recorded, ${count(found.live)} live, page ${found.page} of ${found.pages}`;
      [back.disabled, on.disabled] = [found.page <= 1, found.page >= found.pages];
      if (!list.contains(document.activeElement)) show(list, rows(found.markets, choose));
    } catch (error) {
      words.textContent = String(error.message);
    }
  };
  search.addEventListener("input", () => { page = 1; return refresh(); });
  setInterval(() => { if (!document.hidden) refresh(); }, POLL_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  return refresh();
}

function rows(markets, choose) {
  return table([
    ["market", (row) => el("span", { class: row.phase === "live" ? "" : "dim" }, row.slug), "break"],
    ["series", (row) => row.series || "–", "break dim roomy"],
    ["window", bar, "roomy"],
    ["left", left, "num"],
    ["books", (row) => row.tokens.map((token) => [choose ? el("button", { type: "button", class: "link", onclick: () => choose(token.token_id, row, token) }, token.outcome) : token.outcome, " "])],
    ["verdict", (row) => el("span", { class: row.verdict ? "bad" : "dim" }, row.verdict || "nothing wrong is known"), "break roomy"],
  ], markets, "no market matches");
}

function bar(row) {
  if (row.passed === null) return el("span", { class: "dim" }, "while it is open");
  const fill = el("i");
  fill.style.width = `${row.passed * 100}%`;
  return el("div", { class: row.left_seconds < 30 ? "bar late" : "bar", title: `${row.start_time_utc} to ${row.end_time_utc}` }, fill);
}

function left(row) {
  if (row.left_seconds === null) return "–";
  if (row.phase === "over") return el("span", { class: "dim" }, `over ${span(-row.left_seconds)}`);
  if (row.phase === "coming") return el("span", { class: "dim" }, "soon");
  return span(row.left_seconds);
}
