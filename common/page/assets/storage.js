import { count, el, show, size, span, table, tile, time } from "./dom.js";

export function showStorage(node, storage) {
  const { disk, upload } = storage;
  const used = disk.total_bytes ? 1 - disk.free_bytes / disk.total_bytes : null;
  const fullSoon = disk.full_in_seconds !== null && disk.full_in_seconds < 86400;
  show(node,
    el("div", { class: "tiles" },
      tile(size(disk.free_bytes), used === null ? "free" : `free of ${size(disk.total_bytes)}`, fullSoon ? "bad" : ""),
      tile(disk.archive_bytes_per_second === null ? "–" : `${size(disk.archive_bytes_per_second)}/s`, "archives grow"),
      tile(storage.full_in || "–", "until the disk is full", fullSoon ? "bad" : ""),
      tile(size(storage.written_bytes), "written in this run"),
      tile(count(storage.archives_closed), "archives closed"),
      storage.archives_recovered ? tile(count(storage.archives_recovered), "recovered after a crash", "warn") : null),
    uploads(upload, storage),
    el("div", { class: "grid" },
      el("div", {}, el("h3", {}, "Being written"), archives(storage.open, "nothing is being written")),
      el("div", {}, el("h3", {}, "Closed, the newest first"), archives(storage.closed, "none closed in this run yet"))));
}

function uploads(upload, storage) {
  if (!upload.enabled) return el("p", { class: "note" }, "Uploading is off: archives are on this disk only.");
  const state = upload.failing ? ["failing", "bad"] : upload.behind ? ["behind", "warn"] : [upload.state || "not heard of yet", ""];
  return el("div", {},
    el("div", { class: "tiles" },
      tile(state[0], `uploads to ${upload.remote || "the remote"}`, state[1]),
      tile(count(upload.backlog_files), `archives wait (${size(upload.backlog_bytes)})`),
      tile(span(upload.backlog_age_seconds), "the oldest waits", upload.behind ? "warn" : ""),
      tile(count(upload.verified_files), "proved at the remote"),
      tile(time(upload.last_success_at_utc), "last proof, UTC"),
      storage.archives_cleaned ? tile(count(storage.archives_cleaned), "deleted here after proof") : null),
    upload.last_error ? el("p", { class: "bad break" }, `Last error at ${time(upload.last_error_at_utc)}: ${upload.last_error}`) : null,
    upload.alarms.map((alarm) => el("p", { class: "bad break" }, `Alarm: ${alarm}`)));
}

function archives(rows, none) {
  return table([
    ["archive", (row) => row.name, "mono break"],
    ["rows", (row) => count(row.rows), "num"],
    ["size", (row) => size(row.bytes), "num"],
    ["closed", (row) => (row.closed_at_utc ? time(row.closed_at_utc) : "open"), "num roomy"],
  ], rows, none);
}
