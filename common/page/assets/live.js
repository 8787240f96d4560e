// A token's book of this moment, asked for every second while it is chosen and the page is visible.
import { chart } from "./charts.js";
import { bookCopies } from "./copies.js";
import { ask, el, show, table } from "./dom.js";
import { ladder } from "./ladder.js";
import { checkWords } from "./verdict.js";

const POLL_MS = 1000;
const SHOWN_S = 300;

export function startLive(node) {
  let token = "";
  let turn = 0;
  let mids = []; // [seconds since 1970, mid or null]
  let at = "";
  const [head, line, stand, trades, copied] = ["p", "div", "div", "div", "div"].map((tag) => el(tag));
  head.className = "facts";

  const poll = async () => {
    if (!token || document.hidden) return;
    const mine = ++turn;
    try {
      const answer = await ask("/api/ladder", { token });
      if (mine === turn) take(answer);
    } catch (error) {
      if (mine === turn) show(head, el("span", { class: "bad" }, String(error.message)));
    }
  };
  const take = ({ token: named, book, why, check }) => {
    const now = Date.now() / 1000;
    mids = [...mids.filter(([second]) => now - second < SHOWN_S), [now, book ? book.mid : null]];
    const name = named.market_slug ? `${named.market_slug} ${named.outcome}` : "a token that is not recorded now";
    show(head, el("b", {}, name), checkWords(check));
    show(line, el("h3", {}, "Mid-price of the last five minutes, 0 to 1"),
      chart([{ kind: "a", values: mids.map(([, mid]) => mid) }], { label: "mid-price", top: 1, xs: mids.map(([second]) => second), from: now - SHOWN_S, to: now }),
      el("div", { class: "axis" }, el("span", {}, "5 min ago"), el("span", {}, "now")));
    if (!book) {
      show(stand, el("p", { class: "none" }, why));
      return;
    }
    at = book.at_utc;
    show(stand, el("p", { class: "facts" }, el("b", { class: "at", title: at }, `${at.slice(0, 10)} ${at.slice(11, 23)} UTC`),
      [`mid ${book.mid ?? "–"}`, `spread ${book.spread ?? "–"}`, `tick ${book.tick_size || "–"}`].map((words) => el("span", {}, words)),
      el("span", { class: "dim" }, `over ${book.reader}`)), ladder(book));
    show(trades, el("h3", {}, "Trades since you look, the newest first"), table([
      ["time (UTC)", (trade) => trade.at_utc.slice(11, 23)],
      ["taker", (trade) => el("span", { class: trade.side === "BUY" ? "good" : "bad" }, trade.side === "BUY" ? "buys" : "sells")],
      ["price", (trade) => trade.price, "num"], ["size", (trade) => trade.size, "num"],
    ], book.trades, "none yet"));
  };
  setInterval(poll, POLL_MS);
  return (chosen) => {
    [token, mids, at] = [chosen, [], new Date().toISOString()];
    turn += 1;
    if (!token) { show(node); return null; }
    [head, line, stand, trades].forEach((part) => show(part));
    show(copied, bookCopies(token, () => at, () => [new Date(Date.parse(at) - SHOWN_S * 1000).toISOString(), at]));
    show(node, head, line, el("div", { class: "grid" }, stand, trades), copied);
    return poll();
  };
}
