import { chart } from "./charts.js";
import { count, el, show, size, span, table, tile, time, word } from "./dom.js";

const QUARTER_S = 900;

export function showNow(node, now) {
  show(node, tiles(now), el("div", { class: "grid" }, rates(now), waiting(now)),
    el("div", { class: "grid" }, processes(now), sessions(now), queue(now), gaps(now)));
}

function tiles(now) {
  const figures = now.figures;
  const trouble = (name, label) => (figures[name] ? tile(count(figures[name]), label, "warn") : null);
  return el("div", { class: "tiles" }, [
    tile(total(now) === null ? "–" : count(total(now)), "messages a second"),
    tile(count(now.messages), "messages in this run"),
    tile(time(now.last_market_data_utc), "last market data, UTC"),
    tile(count(now.waiting_now), "rows not durable yet"),
    tile(`${now.oldest_seconds.toFixed(1)} s`, "age of the oldest of them", now.oldest_seconds > 10 ? "bad" : ""),
    tile(size(now.spool_bytes), "spool"),
    lags(now),
    tile(count(now.gaps_total), "gaps in this run", now.gaps_total ? "warn" : ""),
    trouble("divergences_total", "divergences"), trouble("rest_failures_total", "checkpoints failed"),
    trouble("process_restarts_total", "restarts of processes"), trouble("unusable_events_total", "events not readable"),
    trouble("unknown_messages_total", "unknown messages"),
  ].flat().filter((each) => each !== null));
}

// From the exchange's time to ours, of the newest changes of each leg.
function lags(now) {
  const name = (lag) => (now.lags.length > 1 ? `, leg ${lag.leg}` : "");
  return now.lags.map((lag) => tile(`${ms(lag.p50_ms)} / ${ms(lag.p99_ms)}`, `receive lag, p50 / p99${name(lag)}`, lag.p99_ms > 5000 || lag.p50_ms < -1000 ? "warn" : ""));
}

const ms = (value) => (Math.abs(value) >= 10000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`);

function total(now) {
  const last = Object.values(now.rates).map((rates) => rates[rates.length - 1]).filter((rate) => rate !== null && rate !== undefined);
  return last.length ? last.reduce((sum, rate) => sum + rate, 0) : null;
}

function rates(now) {
  const legs = Object.keys(now.rates);
  const top = Math.max(1, ...legs.flatMap((leg) => now.rates[leg]).filter((rate) => rate !== null));
  const names = legs.length > 1 ? legs.map((leg) => el("span", {}, el("i", { class: leg }), `leg ${leg}${legState(now, leg)}  `)) : [];
  return el("div", {}, el("h3", {}, "Messages a second, last 15 minutes"),
    chart(legs.map((leg) => ({ kind: leg, values: now.rates[leg], area: legs.length === 1 })),
      { label: `messages a second, at most ${count(top)}`, top, xs: now.ages_seconds.map((age) => -age), from: -QUARTER_S, to: 0 }),
    el("div", { class: "axis" }, el("span", {}, "15 min ago"), el("span", { class: "legend" }, names, `top ${count(top)}/s`), el("span", {}, "now")));
}

function legState(now, leg) {
  const found = now.legs.find((each) => each.leg === leg);
  return found && !found.up ? ` down since ${time(found.down_since_utc)}` : "";
}

function waiting(now) {
  const top = Math.max(10, ...now.waiting);
  return el("div", {}, el("h3", {}, "Rows not durable yet"),
    chart([{ kind: "a", values: now.waiting, area: true }],
      { label: `rows not durable, at most ${count(top)}`, top, xs: now.ages_seconds.map((age) => -age), from: -QUARTER_S, to: 0 }),
    el("div", { class: "axis" }, el("span", {}, "15 min ago"), el("span", {}, `top ${count(top)}`), el("span", {}, "now")));
}

function processes(now) {
  return el("div", {}, el("h3", {}, "Processes"), table([
    ["process", (row) => row.name, "mono"],
    ["CPU", (row) => (row.cpu_share === null ? "–" : `${Math.round(row.cpu_share * 100)} %`), "num"],
    ["memory", (row) => size(row.rss_bytes), "num"],
    ["restarts", (row) => (row.up ? el("span", { class: row.restarts ? "warn" : "dim" }, count(row.restarts)) : el("span", { class: "bad" }, row.flapping ? "flapping" : "down")), "num"],
  ], now.processes, "none is known"));
}

function sessions(now) {
  return el("div", {}, el("h3", {}, "Sessions, the newest first"), table([
    ["session", (row) => row.session_id.replace(/-\d{8}T\d{6}Z-[0-9a-f]+-?/, " "), "mono break"],
    ["lasted", (row) => span(row.lasted_seconds), "num"],
    ["messages", (row) => count(row.messages), "num"],
    ["", (row) => el("span", { class: row.open ? "good" : row.stale ? "bad" : "dim" }, row.open ? "open" : word(row.close_reason || "closed"))],
  ], now.sessions, "none yet"));
}

function queue(now) {
  return el("div", {}, el("h3", {}, "Queue"), table([
    ["producer", (row) => row.producer, "mono"],
    ["waiting", (row) => count(row.waiting), "num"],
    ["oldest", (row) => el("span", { class: row.oldest_seconds > 10 ? "bad" : "" }, `${row.oldest_seconds.toFixed(1)} s`), "num"],
    ["spool", (row) => size(row.spool_bytes), "num"],
  ], now.queue, "no producer yet"));
}

function gaps(now) {
  return el("div", {}, el("h3", {}, "Gaps, the newest first"), table([
    ["from (UTC)", (row) => time(row.from_utc)],
    ["to", (row) => time(row.to_utc)],
    ["cause", (row) => word(row.cause || "")],
  ], now.gaps, "none in this run"));
}
