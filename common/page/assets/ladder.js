// One book as a ladder: of a frame of the past, or of this moment.
import { count, el } from "./dom.js";

export function ladder(book) {
  const most = Math.max(...[...book.bids, ...book.asks].map(([, size]) => Number(size)), 1e-9);
  return el("div", { class: "ladder" },
    side("bids", book.bids, book.bid_levels, most), side("asks", book.asks, book.ask_levels, most));
}

function side(name, levels, all, most) {
  const rows = levels.map(([price, size]) => {
    const fill = el("i");
    fill.style.width = `${(Number(size) / most) * 100}%`;
    return el("div", { class: "level" }, el("b", {}, price), el("span", { class: "num" }, size), el("div", { class: "depth" }, fill));
  });
  return el("div", { class: name }, el("h3", {}, `${name} (${count(all)} levels)`), rows.length ? rows : el("p", { class: "none" }, "none"));
}
