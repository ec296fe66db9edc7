// The last exchanges of one device, newest first: what was asked, what came back, how long it took.

import { List, h, put } from "./dom.js";
import { instant, plain, took } from "./text.js";
import { command, world } from "./world.js";

const MOST = 80;
const rows = new Map();
let list = null;

/** The place of devices that have no name here: refused connections. */
export const STRANGERS = "";

const ENDS = {
  REFUSED: ["bad", "✗"],
  UNANSWERED: ["bad", "∅"],
  OPEN: ["busy", "…"],
  NOTE: ["note", "◆"],
};

/** Takes news of the stream. */
export function hear(body) {
  if (body.device !== world.chosen) return;
  if (body.all) rows.clear();
  for (const row of body.rows) rows.set(row.n, row);
  for (const number of rows.keys()) if (number < body.first) rows.delete(number);
}

/** Forgets the rows of the device shown before. */
export function clear() {
  rows.clear();
}

function rowOf() {
  const at = h("time", {});
  const way = h("span", { className: "way" });
  const asks = h("strong", {});
  const about = h("bdi", {});
  const arrow = h("span", { "aria-hidden": "true", className: "soft" });
  const hears = h("strong", {});
  const brings = h("bdi", {});
  const time = h("span", { className: "took" });
  const means = h("p", { className: "means soft" });
  const line = h("p", {}, asks, " ", about, arrow, hears, " ", brings, time);
  const node = h("li", {}, at, way, h("div", {}, line, means));
  return {
    node,
    update(row) {
      const [tone, mark] = ENDS[row.outcome] ?? [row.from === "device" ? "up" : "down", row.from === "device" ? "↑" : "↓"];
      node.dataset.tone = tone;
      put(at, instant(row.at));
      put(way, mark);
      way.title = row.from === "device" ? "the device asks" : "the server says";
      put(asks, plain(row.asks) + (row.again > 1 ? ` (attempt ${row.again})` : ""));
      put(about, plain(row.about));
      put(arrow, row.hears || row.outcome === "UNANSWERED" || row.outcome === "OPEN" ? " → " : "");
      put(hears, row.hears ? plain(row.hears) : { UNANSWERED: "no answer", OPEN: "waiting" }[row.outcome] ?? "");
      put(brings, plain(row.brings));
      put(time, row.took === null ? "" : ` in ${took(row.took)}`);
      put(means, row.means);
    },
  };
}

/** Draws the exchanges of the chosen device. */
export function drawExchanges() {
  const place = document.getElementById("exchange-list");
  const device = world.devices.get(world.chosen);
  const strangers = world.chosen === STRANGERS;
  const heading = document.getElementById("exchanges");
  put(heading, strangers ? "Refused connections" : device ? `Exchanges of ${plain(device.name)}` : "Exchanges");
  document.getElementById("strangers").setAttribute("aria-pressed", String(strangers));
  if (!rows.size || (!device && !strangers)) {
    list = null;
    if (place.dataset.empty !== `${world.chosen} ${command()}`) place.replaceChildren(nothing(device, strangers));
    place.dataset.empty = `${world.chosen} ${command()}`;
    return;
  }
  if (!list) {
    delete place.dataset.empty;
    const items = h("ol", { className: "exchanges" });
    place.replaceChildren(h("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": "Newest first" }, items));
    list = new List(items, (row) => row.n, rowOf);
  }
  const newest = [...rows.values()].sort((a, b) => b.n - a.n).slice(0, MOST);
  list.show(newest);
}

function nothing(device, strangers) {
  if (strangers) return h("p", { className: "empty" }, "No connection was refused since this page was opened.");
  if (!device) return h("p", { className: "empty" }, "Choose a device above to see what it says and hears.");
  const box = h("div", { className: "empty" }, h("p", {}, "Nothing was heard of it since this page was opened. To be this device:"));
  box.append(h("pre", {}, h("code", {}, command())));
  return box;
}

/** Shows or hides what each line means. */
export function explain(is) {
  document.getElementById("exchange-list").classList.toggle("explained", is);
}

