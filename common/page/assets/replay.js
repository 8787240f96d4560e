// A token's book in the past: one replay of archives, and the slider moves among its instants.
import { chart } from "./charts.js";
import { bookCopies } from "./copies.js";
import { ask, el, show } from "./dom.js";
import { ladder } from "./ladder.js";

const WAIT_MS = 700;

export function startReplay(node, go) {
  let frames = [];
  let asked = 0;
  const words = el("p", { class: "dim break", role: "status" });
  const slider = el("input", { type: "range", min: 0, max: 0, class: "slider", "aria-label": "Instant", oninput: () => draw() });
  const [line, stand, copied] = [el("div"), el("div"), el("div")];

  const load = async (question) => {
    const mine = ++asked;
    go.disabled = true;
    words.textContent = "Replaying archives …";
    show(node, words);
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
    const [first, last] = [frames[0].at_utc, frames[frames.length - 1].at_utc];
    const name = answer.token ? `${answer.token.market_slug} ${answer.token.outcome}` : "Nothing of this token is in closed archives of that time";
    const end = answer.recorded_until_utc && answer.recorded_until_utc < last ? `; closed archives of it end at ${answer.recorded_until_utc.slice(0, 19)}Z` : "";
    words.textContent = name + end;
    if (!answer.token) return;
    show(node, words, line, slider, stand, copied);
    slider.max = frames.length - 1;
    const known = frames.map((frame) => frame.book).lastIndexOf(true);
    slider.value = known < 0 ? frames.length - 1 : known;
    const mids = frames.map((frame) => frame.mid);
    const shades = [];
    frames.forEach((frame, index) => {
      const last = shades[shades.length - 1];
      if (frame.book) return;
      if (last && last[1] === index - 0.5) last[1] = index + 0.5;
      else shades.push([index - 0.5, index + 0.5]);
    });
    show(line, el("h3", {}, "Mid-price, 0 to 1; shaded where no book is known"),
      chart([{ kind: "a", values: mids }], { label: "mid-price", top: 1, xs: mids.map((_, index) => index), from: 0, to: frames.length - 1, shades }),
      el("div", { class: "axis" }, el("span", {}, first.slice(11, 19)), el("span", {}, last.slice(11, 19))));
    show(copied, bookCopies(question.token, () => frames[slider.value].at_utc, () => [first, last]));
    draw();
  };

  const draw = () => {
    const frame = frames[slider.value];
    if (!frame) return;
    if (!frame.book) {
      show(stand, el("p", { class: "none" }, `${frame.at_utc.slice(0, 19)}Z: no book is known${frame.unknown ? `: ${frame.unknown}` : ""}`));
      return;
    }
    const verdict = frame.verdict ? el("b", { class: frame.verdict === "agree" ? "good" : "dim" }, `hash: ${frame.verdict}`) : "";
    show(stand,
      el("p", { class: "facts" }, el("b", { class: "at", title: frame.at_utc }, `${frame.at_utc.slice(0, 10)} ${frame.at_utc.slice(11, 23)} UTC`),
        el("span", {}, `mid ${frame.mid ?? "–"}`), verdict),
      el("p", { class: "dim break" }, frame.event), ladder(frame));
  };
  return load;
}
