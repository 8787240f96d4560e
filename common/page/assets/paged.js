import { ask, el, show } from "./dom.js";

const POLL_MS = 5000;
const SOON_MS = 700;

// A list that is searched and paged by the server, and asked for again while `wanted`. `lay` gives words, content, and
// whether to ask again soon.
export function paged(node, path, placeholder, lay, wanted) {
  let page = 1;
  let asked = 0;
  const search = el("input", { type: "search", placeholder, "aria-label": `Search: ${placeholder}` });
  const back = el("button", { type: "button", onclick: () => turn(-1) }, "‹ previous");
  const on = el("button", { type: "button", onclick: () => turn(1) }, "next ›");
  const words = el("span", { class: "dim", role: "status" });
  const list = el("div");
  show(node, el("div", { class: "controls" }, search, back, on, words), list);

  const turn = (by) => { page += by; return refresh(); };
  const refresh = async () => {
    if (document.hidden || !wanted()) return;
    const mine = ++asked;
    try {
      const found = await ask(path, { search: search.value, page });
      if (mine !== asked) return; // a later question was asked meanwhile
      const [said, content, soon] = lay(found);
      page = found.page;
      words.textContent = `${said}, page ${found.page} of ${found.pages}`;
      [back.disabled, on.disabled] = [found.page <= 1, found.page >= found.pages];
      if (!list.contains(document.activeElement)) show(list, content);
      if (soon) setTimeout(refresh, SOON_MS);
    } catch (error) {
      words.textContent = String(error.message);
    }
  };
  search.addEventListener("input", () => { page = 1; return refresh(); });
  setInterval(refresh, POLL_MS);
  document.addEventListener("visibilitychange", refresh);
  refresh();
  return refresh;
}
