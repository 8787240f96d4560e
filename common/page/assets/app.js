// The page: what is live comes as server-sent events while the page is visible, everything else is asked for.
import { startBook } from "./book.js";
import { startCalendar } from "./calendar.js";
import { setDataRoot } from "./copies.js";
import { ask, el, show } from "./dom.js";
import { startMarkets } from "./markets.js";
import { showNow } from "./now.js";
import { showStorage } from "./storage.js";
import { showVerdict } from "./verdict.js";
import { startWindows } from "./windows.js";

const POLL_MS = 4000;
const SILENT_MS = 12000;

const body = (name) => document.querySelector(`#${name} .body`);
const connection = document.getElementById("connection");
let source = null;
let heardAt = 0;

function take(overview) {
  heardAt = Date.now();
  connection.textContent = "live";
  connection.className = "connection";
  showVerdict(document.getElementById("verdict"), overview);
  showNow(body("now"), overview.now);
  showStorage(body("storage"), overview.storage);
  const { run } = overview;
  setDataRoot(run.data_root);
  document.getElementById("about").textContent = `Run ${run.run_id}, state ${run.state}, data root ${run.data_root}. All times are UTC.`;
}

function listen() {
  if (source || document.hidden) return;
  source = new EventSource("/api/live");
  source.onmessage = (event) => take(JSON.parse(event.data));
  source.onerror = () => { source.close(); source = null; }; // `watch` asks, and tries again
}

function leave() {
  if (source) source.close();
  source = null;
}

async function watch() {
  if (document.hidden) return;
  if (!source) {
    try {
      take(await ask("/api/overview"));
    } catch { /* said below */ }
    listen();
  }
  if (Date.now() - heardAt > SILENT_MS) dark();
}

function dark() {
  connection.textContent = "no answer";
  connection.className = "connection bad";
  const node = document.getElementById("verdict");
  node.className = "verdict red";
  const since = heardAt ? ` since ${new Date(heardAt).toISOString().slice(11, 19)} UTC` : "";
  show(node, el("div", { class: "wide" }, el("h1", {}, `The recorder does not answer${since}`),
    el("p", {}, "What is below is old. Look with bin/recorderctl status. Runbook: OrderbooksRecorderDown")));
  document.title = "▲ no answer";
}

document.addEventListener("visibilitychange", () => (document.hidden ? leave() : listen()));
setInterval(watch, POLL_MS);
heardAt = Date.now();
listen();
const choose = startBook(body("book"));
startMarkets(body("markets"), choose);
startWindows(body("windows"), choose);
startCalendar(body("calendar"));
