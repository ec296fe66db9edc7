// The page as a whole: logs in, follows the twin, draws what changed, and hears the buttons.

import { LoginNeeded, follow, isLoggedIn, login, loginAlone, logout } from "./api.js";
import { begin } from "./assigning.js";
import { addDeviceDialog, drawDevices, showMore } from "./devices.js";
import { put, show } from "./dom.js";
import * as exchanges from "./exchanges.js";
import { addProfileDialog, drawPackages, drawProfiles, uploadDialog } from "./packages.js";
import { many, plain } from "./text.js";
import { KINDS, compare, doors, readCatalogue, world } from "./world.js";

const byId = (id) => document.getElementById(id);
const NEWS_MS = 1000;
const TOLD = new Set(["UPDATED", "FAILED"]);
const PULSES = {
  live: ["good", "●", "live"],
  paused: ["note", "❚❚", "paused"],
  away: ["bad", "✗", "twin does not answer"],
  connecting: ["note", "◌", "connecting"],
};
let following = null;
let isPaused = false;
let link = "connecting";
let isDrawing = false;
let isReading = false;
let isStale = false;

function pulse(state = link) {
  link = state;
  const [tone, mark, word] = PULSES[isPaused && link === "live" ? "paused" : link];
  const node = byId("pulse");
  if (node.dataset.word === word) return;
  Object.assign(node.dataset, { tone, word });
  const shape = Object.assign(document.createElement("span"), { textContent: mark, ariaHidden: "true" });
  node.replaceChildren(shape, ` ${word}`);
}

/** Draws once for all that came in one go. */
function draw() {
  if (isDrawing || isPaused) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    drawDevices();
    exchanges.drawExchanges();
    drawPackages();
    drawProfiles();
  });
}

const HEARS = {
  twin(body) {
    world.about = body;
    put(byId("about"), `ThingsBoard ${body.version}’s behaviour. Devices connect to ${doors()}`);
  },
  devices(body) {
    const before = body.all ? null : new Map(world.devices);
    if (body.all) world.devices.clear();
    for (const id of body.gone) world.devices.delete(id);
    for (const device of body.devices) world.devices.set(device.id, device);
    if (before) tell(body.devices, before);
    if (body.gone.includes(world.chosen) || (body.all && world.chosen && !world.devices.has(world.chosen))) world.chosen = null;
    if (world.chosen === null && world.devices.size) {
      choose([...world.devices.values()].sort((a, b) => compare(a.name, b.name))[0].id);
    }
  },
  exchanges: exchanges.hear,
  catalogue: catchUp,
};

/** Reads packages and profiles; what changes meanwhile is read once more. */
async function catchUp() {
  isStale = true;
  if (isReading) return;
  isReading = true;
  try {
    while (isStale) {
      isStale = false;
      await readCatalogue();
    }
  } catch (error) {
    if (error instanceof LoginNeeded) enter(); // otherwise the stream is away too, and asks again when it is back
  } finally {
    isReading = false;
  }
  draw();
}

let news = [];
/** Says aloud, politely and together, which updates ended. */
function tell(devices, before) {
  for (const device of devices) {
    for (const kind of KINDS) {
      const state = device[kind].state;
      const old = before.get(device.id)?.[kind];
      if (TOLD.has(state) && old && (old.state !== state || old.since !== device[kind].since)) {
        news.push(`${plain(device.name)}: ${kind} ${state}`);
      }
    }
  }
}
setInterval(() => {
  if (!news.length) return;
  put(byId("news"), news.length > 3 ? `${many(news.length, "update")} ended` : news.join(". "));
  news = [];
}, NEWS_MS);

/** Follows the twin, and the exchanges of the chosen device, from now on. */
function go() {
  following?.abort();
  following = new AbortController();
  follow(world.chosen, (name, body) => {
    HEARS[name]?.(body);
    draw();
  }, heardOfLink, following.signal);
}

function heardOfLink(state) {
  if (state === "login") {
    enter();
    return;
  }
  pulse(state);
  const away = byId("away");
  put(away, state === "away" ? "The twin does not answer. What stands here is what it said last; the page goes on by itself once the twin is back." : "");
  show(away, state === "away");
}

function choose(id, { jump = false } = {}) {
  if (id !== world.chosen) {
    world.chosen = id;
    exchanges.clear();
    go();
  }
  draw();
  if (jump) byId("exchanges").focus();
}

/** Into the work, or to the form. */
async function enter() {
  following?.abort();
  let isAlone = false;
  if (!isLoggedIn()) {
    try {
      isAlone = await loginAlone();
    } catch {
      heardOfLink("away");
      show(byId("controls"), true);
      setTimeout(enter, 2 * NEWS_MS);
      return;
    }
  }
  const isIn = isLoggedIn();
  show(byId("login"), !isIn);
  show(byId("work"), isIn);
  show(byId("controls"), isIn);
  if (isIn) {
    show(byId("logout"), !isAlone && sessionStorage.getItem("otakit-twin-asked") !== null);
    go();
  } else {
    byId("login-form").elements.username.focus();
  }
}

function buttons() {
  byId("add-device").onclick = () => begin(addDeviceDialog);
  byId("upload").onclick = () => begin(uploadDialog);
  byId("add-profile").onclick = addProfileDialog;
  byId("filter").oninput = drawDevices;
  byId("more").onclick = showMore;
  byId("explain").onchange = (event) => exchanges.explain(event.target.checked);
  byId("strangers").onclick = () => choose(exchanges.STRANGERS, { jump: true });
  document.addEventListener("choose", (event) => choose(event.detail, { jump: !document.querySelector("dialog") }));
  byId("pause").onclick = () => {
    isPaused = !isPaused;
    byId("pause").setAttribute("aria-pressed", String(isPaused));
    pulse();
    draw();
  };
  byId("logout").onclick = () => {
    sessionStorage.removeItem("otakit-twin-asked");
    logout();
    location.reload();
  };
  byId("login-form").onsubmit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const error = form.querySelector(".error");
    show(error, false);
    try {
      await login(form.elements.username.value, form.elements.password.value);
      sessionStorage.setItem("otakit-twin-asked", "yes");
      form.reset();
      await enter();
      byId("devices").focus();
    } catch (problem) {
      put(error, plain(problem.message));
      show(error, true);
    }
  };
  // a page that nobody sees costs the twin nothing, and the browser none of its few connections
  document.addEventListener("visibilitychange", () => {
    if (!isLoggedIn()) return;
    if (document.hidden) following?.abort();
    else go();
  });
}

buttons();
pulse();
enter();
