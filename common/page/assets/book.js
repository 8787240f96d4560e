// A token's book in the past: one replay brings many instants, and the slider moves among them.
import { chart } from "./charts.js";
import { ask, count, el, show } from "./dom.js";

const WAIT_MS = 700;

export function startBook(node) {
  let frames = [];
  let asked = 0;
  const token = el("input", { class: "wide-field mono", placeholder: "token id (or choose Up or Down among the markets)", "aria-label": "Token id" });
  const until = el("input", { type: "datetime-local", step: 1, "aria-label": "Until, UTC" });
  const span = el("select", { "aria-label": "How long before" },
    [[300, "5 min"], [900, "15 min"], [3600, "1 hour"], [14400, "4 hours"]].map(([seconds, words]) => el("option", { value: seconds }, words)));
  const go = el("button", { type: "submit" }, "Replay");
  const words = el("p", { class: "dim break", role: "status" });
  const slider = el("input", { type: "range", min: 0, max: 0, class: "slider", "aria-label": "Instant", hidden: true, oninput: () => ladder() });
  const [line, stand, copies] = [el("div"), el("div"), el("div")];
  const form = el("form", { class: "controls", onsubmit: (event) => { event.preventDefault(); load(); } },
    token, el("label", {}, "until (UTC) ", until), span, go);
  show(node, form, words, line, slider, stand, copies);
  until.value = new Date().toISOString().slice(0, 19);

  const load = async () => {
    const mine = ++asked;
    const to = new Date(`${until.value}Z`);
    const question = { token: token.value.trim(), to: to.toISOString(), seconds: span.value };
    go.disabled = true;
    words.textContent = "Replaying archives …";
    try {
      let answer = { working: true };
      while (answer.working) {
        answer = await ask("/api/book", question);
        if (mine !== asked) return;
        if (answer.working) await new Promise((later) => setTimeout(later, WAIT_MS));
      }
      take(answer, question);
    } catch (error) {
      words.textContent = String(error.message);
    } finally {
      if (mine === asked) go.disabled = false;
    }
  };

  const take = (answer, question) => {
    frames = answer.frames;
    const name = answer.token ? `${answer.token.market_slug} ${answer.token.outcome}` : "Nothing of this token is in closed archives of that time";
    const end = answer.recorded_until_utc && answer.recorded_until_utc < frames[frames.length - 1].at_utc
      ? `; closed archives of it end at ${answer.recorded_until_utc.slice(0, 19)}Z` : "";
    words.textContent = name + end;
    slider.hidden = !answer.token;
    slider.max = frames.length - 1;
    const last = frames.map((frame) => frame.book).lastIndexOf(true);
    slider.value = last < 0 ? frames.length - 1 : last;
    const mids = frames.map((frame) => frame.mid);
    const shades = frames.map((frame, index) => [frame.book, index]).filter(([book]) => !book).map(([, index]) => [index - 0.5, index + 0.5]);
    show(line, el("h3", {}, "Mid-price, 0 to 1; shaded where no book is known"),
      chart([{ kind: "a", values: mids }], { label: "mid-price", top: 1, xs: mids.map((_, index) => index), from: 0, to: frames.length - 1, shades }),
      el("div", { class: "axis" }, el("span", {}, frames[0].at_utc.slice(11, 19)), el("span", {}, frames[frames.length - 1].at_utc.slice(11, 19))));
    show(copies, question.token ? copy(question.token, () => frames[slider.value].at_utc) : null);
    ladder();
  };

  const ladder = () => {
    const frame = frames[slider.value];
    if (!frame) return;
    if (!frame.book) {
      show(stand, el("p", { class: "none" }, `${frame.at_utc.slice(0, 19)}Z: no book is known${frame.unknown ? `: ${frame.unknown}` : ""}`));
      return;
    }
    const most = Math.max(...[...frame.bids, ...frame.asks].map(([, size]) => Number(size)));
    const verdict = frame.verdict ? el("b", { class: frame.verdict === "agree" ? "good" : "dim" }, `  hash: ${frame.verdict}`) : "";
    show(stand,
      el("p", { class: "break" }, el("b", {}, `${frame.at_utc.slice(0, 10)} ${frame.at_utc.slice(11, 23)} UTC`), `   mid ${frame.mid ?? "–"}`, verdict),
      el("p", { class: "dim break" }, frame.event),
      el("div", { class: "ladder" }, side("bids", frame.bids, frame.bid_levels, most), side("asks", frame.asks, frame.ask_levels, most)));
  };

  return (tokenId, market) => {
    token.value = tokenId;
    const end = Date.parse(market.end_time_utc);
    until.value = new Date(Math.min(Number.isNaN(end) ? Date.now() : end, Date.now())).toISOString().slice(0, 19);
    document.getElementById("book").scrollIntoView();
    return load();
  };
}

function side(name, levels, all, most) {
  const rows = levels.map(([price, size]) => {
    const fill = el("i");
    fill.style.width = `${(Number(size) / most) * 100}%`;
    return el("div", { class: "level" }, el("b", {}, price), el("span", { class: "num" }, size), el("div", { class: "depth" }, fill));
  });
  return el("div", { class: name }, el("h3", {}, `${name} (${count(all)} levels)`), rows.length ? rows : el("p", { class: "none" }, "none"));
}

function copy(token, at) {
  const texts = {
    "replay-book": () => `bin/replay-book --token ${token} --at ${at()}`,
    DuckDB: () => `SELECT * FROM read_parquet('tables/top_of_book/**/*.parquet') WHERE token_id = '${token}'`,
    polars: () => `pl.scan_parquet("tables/top_of_book/**/*.parquet").filter(pl.col("token_id") == "${token}")`,
  };
  const said = el("code", { class: "break" });
  return el("div", { class: "controls" }, Object.entries(texts).map(([name, text]) => el("button", {
    type: "button",
    onclick: async () => {
      said.textContent = text();
      await navigator.clipboard.writeText(said.textContent).catch(() => {});
    },
  }, `Copy as ${name}`)), said);
}
