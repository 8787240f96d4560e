// The windows of today as small charts, drawn from closed archives while somebody looks at them.
import { chart } from "./charts.js";
import { bookCopies } from "./copies.js";
import { count, el, show, span } from "./dom.js";
import { paged } from "./paged.js";

const NEAR = "300px"; // charts are asked for when they are about to be seen

export function startWindows(node, choose) {
  const [chosen, list] = [el("div"), el("div")];
  show(node, chosen, list);
  let near = false;
  const pick = (row) => {
    const picked = large(row, choose, () => show(chosen));
    show(chosen, picked);
    picked.focus(); // so that the list may change below
  };
  const refresh = paged(list, "/api/windows", "slug", (found) => [
    `${count(found.found)} on ${found.day} (UTC)`,
    [found.windows.length ? null : el("p", { class: "none" }, "no window matches"),
      el("div", { class: "windows" }, found.windows.map((row) => card(row, () => pick(row))))],
    found.drawing,
  ], () => near);
  new IntersectionObserver((seen) => {
    const before = near;
    near = seen[seen.length - 1].isIntersecting;
    if (near && !before) refresh();
  }, { rootMargin: NEAR }).observe(node);
}

function card(row, pick) {
  return el("article", { class: "window", "data-slug": row.slug },
    el("button", { type: "button", class: "link", title: `chart of ${row.slug}`, onclick: pick }, row.slug),
    plot(row), el("p", { class: "facts" }, facts(row)));
}

// What is chosen, larger, with what leads on from it.
function large(row, choose, close) {
  const [token] = row.tokens;
  const until = [row.chart?.recorded_until_utc, row.to_utc].filter(Boolean).sort()[0];
  const phase = row.open ? "live" : "over";
  return el("article", { class: "window chosen", tabindex: -1 },
    el("p", { class: "facts" }, el("b", {}, row.slug), facts(row)),
    el("h3", {}, `Mid-price of ${token.outcome}, 0 to 1; shaded where the recording has a gap`), plot(row),
    el("div", { class: "controls" },
      el("button", { type: "button", onclick: () => choose(token.token_id, { phase, end_time_utc: row.to_utc }) }, `Book of ${token.outcome}`),
      el("button", { type: "button", onclick: close }, "Close")),
    bookCopies(token.token_id, () => until, () => [row.from_utc, row.to_utc]));
}

function plot(row) {
  const drawn = row.chart;
  if (!drawn) return el("p", { class: "empty" }, row.why_not || "being drawn …");
  if (!known(row)) return el("p", { class: "empty" }, "not in closed archives yet");
  const last = drawn.mids.length - 1;
  const first = row.tokens[0].outcome;
  const marks = drawn.winner ? [[last, drawn.winner === first ? 1 : 0]] : [];
  return [chart([{ kind: "a", values: drawn.mids }], {
    label: `mid-price of ${first}, 0 to 1, of ${row.slug}`, top: 1, xs: drawn.mids.map((_, index) => index),
    from: 0, to: last, shades: drawn.gaps.map((gap) => gap.map((part) => part * last)), marks,
  }), el("div", { class: "axis" }, [row.from_utc, row.to_utc].map((utc) => el("span", {}, utc.slice(11, 19).replace(/:00$/, ""))))];
}

const known = (row) => row.chart.recorded_until_utc && row.chart.recorded_until_utc > row.from_utc;

function facts(row) {
  const end = row.chart && known(row) && row.chart.recorded_until_utc < row.to_utc ? row.chart.recorded_until_utc.slice(11, 19) : null;
  return [
    row.chart?.winner ? el("span", {}, el("b", { class: "winner" }, row.chart.winner), " won") : el("span", { class: "dim" }, row.open ? "open" : "winner not known yet"),
    el("span", { class: row.condition ? `word ${row.condition}` : "dim" }, row.condition || "no ledger yet"),
    row.gap_seconds > 0 ? el("span", { class: "warn" }, `gaps ${span(Math.ceil(row.gap_seconds))}`) : null,
    end ? el("span", { class: "dim" }, `archives end at ${end}`) : null,
  ].filter(Boolean);
}
