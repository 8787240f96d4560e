// The calendar: one canvas for all rows; a cell under the pointer, or the one that arrow keys moved to, is chosen.
import { ask, count, el, show, table, time } from "./dom.js";

const HOUR_MS = 3600000;
const ROW = 20;
const POLL_MS = 60000;
const WORDS = { c: "complete", d: "degraded", g: "gap", m: "missing", ".": "no ledger" };

export function startCalendar(node) {
  let calendar = null;
  let cursor = null;
  const days = el("select", { "aria-label": "How many days", onchange: () => load() },
    [90, 30, 7].map((each) => el("option", { value: each }, `${each} days`)));
  const words = el("span", { class: "dim", role: "status" });
  const legend = el("span", { class: "legend" }, ["c", "d", "g", "m"].map((letter) => [el("i", { class: WORDS[letter] }), `${WORDS[letter]}  `]));
  const names = el("div", { class: "names" });
  const canvas = el("canvas", { tabindex: 0, role: "application", "aria-label": "Calendar of conditions: arrow keys move, Enter opens an hour" });
  const roll = el("div", { class: "scroll" }, canvas);
  const details = el("div", { class: "details" });
  show(node, el("div", { class: "controls" }, days, legend, words), el("div", { class: "calendar" }, names, roll), details);

  const wide = () => Math.max(2, Math.floor(roll.clientWidth / calendar.hours));
  const hourOf = (column) => new Date(Date.parse(calendar.from_utc) + column * HOUR_MS);
  const draw = () => {
    const cell = wide();
    const style = getComputedStyle(document.documentElement);
    const colours = { ".": "--none", c: "--complete", d: "--degraded", g: "--gap", m: "--missing" };
    canvas.width = cell * calendar.hours;
    canvas.height = ROW * calendar.rows.length;
    const paint = canvas.getContext("2d");
    calendar.rows.forEach((row, index) => {
      for (let column = 0; column < row.cells.length; column += 1) {
        paint.fillStyle = style.getPropertyValue(colours[row.cells[column]]);
        paint.fillRect(column * cell, index * ROW + 1, cell > 3 ? cell - 1 : cell, ROW - 2);
      }
    });
    paint.fillStyle = style.getPropertyValue("--line");
    for (let column = 0; column < calendar.hours; column += 1) {
      if (hourOf(column).getUTCHours() === 0) paint.fillRect(column * cell, 0, 1, canvas.height);
    }
    if (cursor) {
      paint.strokeStyle = style.getPropertyValue("--text");
      paint.lineWidth = 2;
      paint.strokeRect(cursor.column * cell - 1, cursor.row * ROW + 1, cell + 2, ROW - 2);
    }
  };
  const say = () => {
    const row = calendar.rows[cursor.row];
    words.textContent = `${row.name}, ${hourOf(cursor.column).toISOString().slice(0, 13).replace("T", " ")}:00: ${WORDS[row.cells[cursor.column]]}`;
  };
  const open = async () => {
    const row = calendar.rows[cursor.row].name;
    show(details, el("p", { class: "dim" }, "Reading the ledgers …"));
    try {
      show(details, hour(await ask("/api/hour", { row, from: hourOf(cursor.column).toISOString() })));
    } catch (error) {
      show(details, el("p", { class: "bad" }, String(error.message)));
    }
  };
  const at = (event) => {
    const [column, row] = [Math.floor(event.offsetX / wide()), Math.floor(event.offsetY / ROW)];
    return row >= 0 && row < calendar.rows.length && column >= 0 && column < calendar.hours ? { column, row } : null;
  };
  canvas.addEventListener("mousemove", (event) => {
    const over = calendar && at(event);
    if (over) { [cursor] = [over]; say(); draw(); }
  });
  canvas.addEventListener("click", (event) => { if (calendar && at(event)) { cursor = at(event); say(); draw(); open(); } });
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], PageUp: [-24, 0], PageDown: [24, 0] };
    if (!calendar || !calendar.rows.length) return;
    cursor = cursor || { column: calendar.hours - 1, row: 0 };
    if (event.key === "Enter") open();
    else if (moves[event.key]) {
      const [right, down] = moves[event.key];
      cursor = { column: within(cursor.column + right, calendar.hours), row: within(cursor.row + down, calendar.rows.length) };
      roll.scrollLeft = cursor.column * wide() - roll.clientWidth / 2;
    } else return;
    event.preventDefault();
    say();
    draw();
  });
  const load = async () => {
    try {
      const first = calendar === null || calendar.hours !== days.value * 24;
      calendar = await ask("/api/conditions", { days: days.value });
      if (first) cursor = null;
      show(names, calendar.rows.map((row) => el("div", { title: row.name }, row.name)));
      if (!calendar.rows.length) words.textContent = "no ledger yet: the first one comes when an archive window is over";
      else if (!cursor) words.textContent = calendar.left_out ? `${count(calendar.left_out)} rows are shown as one` : "";
      draw();
      if (first) roll.scrollLeft = roll.scrollWidth;
    } catch (error) {
      words.textContent = String(error.message);
    }
  };
  setInterval(() => { if (!document.hidden) load(); }, POLL_MS);
  window.addEventListener("resize", () => { if (calendar) draw(); });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (calendar) draw(); });
  return load();
}

const within = (value, size) => Math.min(Math.max(value, 0), size - 1);

function hour({ row, ledgers }) {
  if (!ledgers.length) return el("p", { class: "none" }, `${row}: no ledger of this hour`);
  return ledgers.map((ledger) => el("article", {},
    el("h3", {}, `${row === "websocket stream" || row === "REST checkpoints" ? row : `${row}, ${ledger.stream}`}, ${time(ledger.from_utc)} to ${time(ledger.to_utc)}`),
    el("p", {}, el("b", { class: `word ${ledger.condition}` }, ledger.condition),
      `  ${count(ledger.messages)} ${ledger.stream === "ws_raw" ? "messages" : "requests"}, ${count(ledger.sessions)} sessions`,
      ledger.checks_passed === null ? "" : `, ${count(ledger.checks_passed)} checks passed, ${count(ledger.divergences)} divergences`,
      ledger.unaccounted_seconds ? `, ${ledger.unaccounted_seconds} s unaccounted for` : ""),
    ledger.not_recorded.map((each) => el("p", { class: "bad break" }, `not recorded: ${each.market_slug}: ${each.reason}`)),
    ledger.unusable.map((each) => el("p", { class: "bad break" }, `cannot be read: ${each.reason}, ${count(each.events)} events`)),
    part(`Gaps (${ledger.gaps.length + ledger.gaps_left_out})`, table([
      ["from", (gap) => time(gap.from_utc)], ["to", (gap) => time(gap.to_utc)], ["cause", (gap) => gap.cause, "break"],
    ], ledger.gaps, "none"), ledger.gaps.length > 0 && ledgers.length < 3),
    part(`Tokens (${ledger.tokens.length + ledger.tokens_left_out}, the worst first)`, table([
      ["market", (token) => token.market_slug, "break"], ["outcome", (token) => token.outcome],
      ["condition", (token) => el("b", { class: `word ${token.condition}` }, token.condition)],
      ["gap", (token) => (token.gap_seconds === null ? "" : `${token.gap_seconds} s`), "num"],
      [ledger.stream === "ws_raw" ? "checks" : "answered", (token) => count(token.checks_passed ?? token.answered), "num"],
      [ledger.stream === "ws_raw" ? "divergences" : "failed", (token) => count(token.divergences ?? token.failed), "num"],
    ], ledger.tokens, "none")),
    part(`Archives (${ledger.archives.length})`, table([
      ["archive", (archive) => archive.name, "mono break"], ["rows", (archive) => count(archive.rows), "num"],
      ["SHA-256", (archive) => archive.sha256, "mono break"],
    ], ledger.archives, "none"))));
}

const part = (title, content, open = false) => el("details", { open }, el("summary", {}, title), content);
