// Line charts as SVG. A null among the values is a break in the line: nothing is known there. A mark is a dot.
import { svg } from "./dom.js";

const WIDTH = 600;
const HEIGHT = 120;

export function chart(series, { label, top, xs, from, to, shades = [], marks = [] }) {
  const x = (at) => ((at - from) / Math.max(to - from, 1e-9)) * WIDTH;
  const y = (value) => HEIGHT - 2 - (value / (top || 1)) * (HEIGHT - 8);
  const parts = [svg("line", { class: "rule", x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 })];
  for (const [begin, end] of shades) {
    const left = Math.max(x(begin), 0);
    parts.push(svg("rect", { class: "shade", x: left, y: 0, width: Math.max(Math.min(x(end), WIDTH) - left, 1.5), height: HEIGHT }));
  }
  for (const { kind, values, area } of series) {
    for (const run of runs(values)) {
      const points = run.map((index) => `${x(xs[index]).toFixed(1)},${y(values[index]).toFixed(1)}`);
      if (area) {
        const [first, last] = [x(xs[run[0]]).toFixed(1), x(xs[run[run.length - 1]]).toFixed(1)];
        parts.push(svg("polygon", { class: `area ${kind}`, points: `${first},${HEIGHT} ${points.join(" ")} ${last},${HEIGHT}` }));
      }
      parts.push(svg("polyline", { class: `line ${kind}`, points: points.join(" ") }));
    }
  }
  for (const [at, value] of marks) { // a line without length has a round end, whatever the chart's proportions are
    const place = { x1: x(at), x2: x(at), y1: y(value), y2: y(value) };
    parts.push(svg("line", { class: "mark", ...place }));
  }
  const node = svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" }, parts);
  node.setAttribute("aria-label", label);
  return node;
}

function runs(values) {
  const found = [];
  let open = false;
  values.forEach((value, index) => {
    if (value === null) open = false;
    else if (open) found[found.length - 1].push(index);
    else { found.push([index]); open = true; }
  });
  return found;
}
