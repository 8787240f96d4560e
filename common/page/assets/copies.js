// What is on screen, as a line for other tools: shown, and put on the clipboard where the browser lets us.
import { el } from "./dom.js";

let rootOption = "";
const TABLE = "tables/top_of_book/**/*.parquet"; // as bin/export-parquet --output tables writes it

// Where the recording is that the page shows: commands must not look into another one.
export function setDataRoot(path) {
  rootOption = ` --data-root ${/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`}`;
}

export function copies(texts) {
  const said = el("code", { class: "break" });
  return el("div", { class: "controls copies" }, Object.entries(texts).map(([name, text]) => el("button", {
    type: "button",
    onclick: async () => {
      said.textContent = text();
      await navigator.clipboard.writeText(said.textContent).catch(() => {});
    },
  }, `Copy as ${name}`)), said);
}

// `at` gives the instant on screen, `stretch` its surroundings from and to, all as ISO 8601 in UTC.
export const bookCopies = (token, at, stretch) => copies({
  "replay-book": () => `bin/replay-book --token ${token} --at ${at()}${rootOption}`,
  DuckDB: () => {
    const [from, to] = stretch();
    return `SELECT * FROM read_parquet('${TABLE}') WHERE token_id = '${token}' AND received_at BETWEEN '${from}' AND '${to}' ORDER BY received_at`;
  },
  polars: () => {
    const [from, to] = stretch().map((utc) => `pl.lit("${utc.replace("Z", "")}").str.to_datetime(time_zone="UTC")`);
    return `pl.scan_parquet("${TABLE}").filter(pl.col("token_id") == "${token}", pl.col("received_at").is_between(${from}, ${to})).sort("received_at")`;
  },
});
