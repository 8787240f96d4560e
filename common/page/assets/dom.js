// Builds elements from values. Texts become text nodes only: nothing that the exchange says is ever read as HTML.

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.flat(Infinity));
  return node;
}

// A word of the program that may be broken after an underscore, and nowhere else.
export const word = (text) => text.split("_").flatMap((part, index) => (index ? ["_", el("wbr"), part] : [part]));

// Columns are [title, cell of a row, class]; a cell is a text or a node.
export function table(columns, rows, none) {
  if (!rows.length) return el("p", { class: "none" }, none);
  const head = el("tr", {}, columns.map(([title, , kind]) => el("th", { class: kind, scope: "col" }, title)));
  const body = rows.map((row) => el("tr", {}, columns.map(([, cell, kind]) => el("td", { class: kind }, cell(row)))));
  return el("div", { class: "scroll" }, el("table", {}, el("thead", {}, head), el("tbody", {}, body)));
}

export function tile(value, label, kind = "") {
  return el("div", { class: "tile" }, el("b", { class: kind }, value), el("span", {}, label));
}

export const count = (number) => (number === null || number === undefined ? "–" : Math.round(number).toLocaleString("en-US"));

export function size(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) { bytes /= 1024; unit += 1; }
  return `${unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}

export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  if (hours >= 48) return `${Math.floor(hours / 24)} d ${two(hours % 24)}:${two(minutes)}`;
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

// "2026-11-23T20:31:43.795915Z" as "20:31:43", with the day where it is not today (UTC).
export function time(utc) {
  if (!utc) return "–";
  const day = utc.slice(0, 10);
  const clock = utc.slice(11, 19);
  return day === new Date().toISOString().slice(0, 10) ? clock : `${day} ${clock}`;
}

export async function ask(path, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  const answer = await fetch(query ? `${path}?${query}` : path, { headers: { Accept: "application/json" } });
  const document = await answer.json().catch(() => ({ error: `HTTP ${answer.status}` }));
  if (!answer.ok) throw new Error(document.error || `HTTP ${answer.status}`);
  return document;
}

// Replace the children of a node, unless somebody is in the middle of using what is in it.
export function show(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
}
