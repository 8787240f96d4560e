// A token's book: live from the book auditor, or in the past, where one replay brings many instants for a slider.
import { startLive } from "./live.js";
import { el, show } from "./dom.js";
import { startReplay } from "./replay.js";

export function startBook(node) {
  const token = el("input", { class: "wide-field mono", placeholder: "token id (or choose an outcome among the markets)", "aria-label": "Token id" });
  const until = el("input", { type: "datetime-local", step: 1, "aria-label": "Until, UTC" });
  const span = el("select", { "aria-label": "How long before" },
    [[300, "5 min"], [900, "15 min"], [3600, "1 hour"], [14400, "4 hours"]].map(([seconds, words]) => el("option", { value: seconds }, words)));
  const [live, replay] = [el("button", { type: "button", onclick: () => watch() }, "Live"), el("button", { type: "submit" }, "Replay")];
  const [now, past] = [el("div"), el("div")];
  const form = el("form", { class: "controls", onsubmit: (event) => { event.preventDefault(); load(); } },
    token, live, el("label", { class: "controls" }, "until (UTC) ", until), span, replay);
  show(node, form, now, past);
  until.value = new Date().toISOString().slice(0, 19);

  const follow = startLive(now);
  const ask = startReplay(past, replay);
  const watch = () => { show(past); follow(token.value.trim()); };
  const load = () => {
    const to = new Date(`${until.value}Z`);
    if (Number.isNaN(to.getTime())) { until.focus(); return null; }
    follow("");
    return ask({ token: token.value.trim(), to: to.toISOString(), seconds: span.value });
  };
  return (tokenId, market) => {
    token.value = tokenId;
    document.getElementById("book").scrollIntoView();
    if (market.phase !== "over") return watch();
    until.value = market.end_time_utc.slice(0, 19);
    return load();
  };
}
