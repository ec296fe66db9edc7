// The devices: who is connected, what runs, what should run, how far it is.

import { List, ask, button, cell, confirm, copy, field, foreign, h, put, select, show, table } from "./dom.js";
import { assignTo, problem, unassign } from "./assigning.js";
import { bytes, many, named, plain, toneOf, when } from "./text.js";
import { KINDS, addDevice, command, compare, mqttUrl, remove, tokenOf, world } from "./world.js";

const SHOWN = 50;
const LEAST_PROGRESS = new Set(["QUEUED", "INITIATED", "DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING"]);
let limit = SHOWN;
let list = null;

/** A status with a shape of its own, so that colour is not needed to tell it. */
function badge() {
  const shape = h("span", { "aria-hidden": "true" });
  const word = h("bdi", {});
  const node = h("span", { className: "badge" }, shape, word);
  return {
    node,
    update(text, tone, mark) {
      node.dataset.tone = tone;
      put(shape, mark);
      put(word, plain(text));
    },
  };
}

function track(kind) {
  const word = kind === "firmware" ? "Firmware" : "Software";
  const current = h("bdi", { className: "strong" });
  const arrow = h("span", { className: "soft" });
  const target = h("bdi", { className: "strong" });
  const from = h("span", { className: "soft" });
  const state = badge();
  const since = h("span", { className: "soft" });
  const line = h("p", { className: "state" }, state.node, " ", since);
  const bar = h("progress", { max: 1, value: 0 });
  const share = h("span", { className: "soft" });
  const progress = h("div", { className: "progress" }, bar, share);
  const error = h("bdi", { className: "error" });
  const hint = h("small", { className: "soft" });
  const off = button("Unassign", () => unassign("device", node.dataset.device, kind), { className: "quiet" });
  const node = cell(word, h("p", {}, current, arrow, target, " ", from, " ", off), hint, line, progress, error);
  return {
    node,
    update(device) {
      const now = device[kind];
      node.dataset.device = device.id;
      const runs = now.current === null && now.version === null ? null : named(now.current, now.version);
      put(current, runs ?? (now.target ? "unknown" : ""));
      const wanted = now.target ? named(now.target.title, now.target.version) : null;
      const isThere = wanted !== null && wanted === runs;
      put(arrow, wanted && !isThere ? " → " : "");
      put(target, wanted && !isThere ? wanted : "");
      put(from, originOf(now.target, isThere));
      show(off, now.own);
      off.setAttribute("aria-label", `Unassign ${kind} of ${plain(device.name)}`);
      put(hint, numberHint(now));
      show(line, now.state !== null);
      if (now.state !== null) {
        state.update(now.state || "(empty)", ...toneOf(now.state));
        put(since, when(now.since));
      }
      showProgress(now);
      put(error, now.error ? plain(now.error) : "");
      show(error, now.error);
    },
  };

  function showProgress(now) {
    const going = now.progress && (LEAST_PROGRESS.has(now.state) || now.state === "FAILED");
    show(progress, going);
    if (!going) return;
    const { seen, before, size } = now.progress;
    bar.max = size;
    bar.value = seen + before;
    bar.setAttribute("aria-label", `${word} delivered`);
    const percent = Math.floor((100 * (seen + before)) / size);
    put(share, `${percent} % · ${bytes(seen)} of ${bytes(size)}${before ? ` · ${bytes(before)} earlier, unseen` : ""}`);
  }
}

/** Where an assignment comes from, and whether it is what runs. */
function originOf(target, isThere) {
  if (!target) return "nothing assigned";
  if (target.from === "profile") return isThere ? "as the profile has it" : "from the profile";
  return isThere ? "as assigned" : "";
}

/** ThingsBoard reads a device's `"1.10"` as the number 1.1: a reader must not take that for another version. */
function numberHint(now) {
  const wanted = now.target?.version;
  if (!wanted || now.version === null || now.version === wanted || now.version === "") return "";
  return Number(now.version) === Number(wanted) ? `ThingsBoard keeps “${wanted}” of a device as the number ${plain(now.version)}` : "";
}

function rowOf(first) {
  const name = h("bdi", { className: "name" });
  const under = h("span", { className: "soft" });
  const state = badge();
  const how = h("span", { className: "soft" });
  const since = h("span", { className: "soft" });
  const refused = h("p", { className: "error" });
  const tracks = KINDS.map(track);
  const open = button("Exchanges", () => document.dispatchEvent(new CustomEvent("choose", { detail: first.id })));
  const buttons = [
    open,
    button("Assign…", () => assignTo("device", first.id)),
    button("Token…", () => showToken(world.devices.get(first.id))),
    button("Delete…", () => deleteDevice(world.devices.get(first.id)), { className: "danger" }),
  ];
  const head = h("th", { role: "rowheader", scope: "row" }, name, under);
  const link = cell("Connection", h("p", {}, state.node), how, since, refused);
  const actions = cell("", h("div", { className: "actions" }, ...buttons));
  const node = h("tr", { role: "row" }, head, link, ...tracks.map((each) => each.node), actions);
  return {
    node,
    update(device) {
      put(name, plain(device.name));
      put(under, `${device.label ? `${plain(device.label)} · ` : ""}profile ${plain(device.profile.name)}`);
      const on = device.connection;
      state.update(on ? "connected" : "away", on ? "good" : "off", on ? "●" : "○");
      put(how, on ? `MQTT ${on.mqtt} · ${on.address}` : "");
      put(since, on ? `since ${when(on.since)}` : "");
      put(refused, device.refused ? `Chunk refused: ${plain(device.refused.word)}, ${when(device.refused.at)}` : "");
      show(refused, device.refused);
      for (const each of tracks) each.update(device);
      for (const each of buttons) each.setAttribute("aria-label", `${each.textContent} ${plain(device.name)}`);
      node.toggleAttribute("data-chosen", world.chosen === device.id);
      open.setAttribute("aria-pressed", String(world.chosen === device.id));
    },
  };
}

/** Draws the devices that fit the filter. */
export function drawDevices() {
  const place = document.getElementById("device-list");
  const wanted = document.getElementById("filter").value.trim().toLowerCase();
  const every = [...world.devices.values()].sort((a, b) => compare(a.name, b.name));
  const found = every.filter((each) => `${each.name}\n${each.label ?? ""}\n${each.profile.name}`.toLowerCase().includes(wanted));
  const on = every.filter((each) => each.connection).length;
  put(document.getElementById("device-count"), every.length ? `${many(every.length, "device")}, ${on} connected` : "");
  const more = document.getElementById("more");
  show(more, found.length > limit);
  put(more, `Show ${Math.min(SHOWN, found.length - limit)} more of ${found.length}`);
  if (!found.length) {
    list = null;
    place.replaceChildren(every.length ? h("p", { className: "empty" }, "No device fits the filter.") : nobody());
    return;
  }
  if (!list) {
    const made = table("Devices", ["Device", "Connection", "Firmware", "Software", "Actions"]);
    place.replaceChildren(made.node);
    list = new List(made.body, (device) => device.id, rowOf);
  }
  list.show(found.slice(0, limit));
}

export function showMore() {
  limit += SHOWN;
  drawDevices();
}

function nobody() {
  return h("div", { className: "empty" },
    h("p", {}, "No device yet. Add one, then be that device in another terminal; it asks for the access token:"),
    h("pre", {}, h("code", {}, command())),
    h("p", { className: "soft" }, `A device of your own connects to ${mqttUrl()} with its access token as user name.`));
}

/** Adds a device and shows its token, once. */
export function addDeviceDialog() {
  const profiles = world.profiles.map((each) => [each.id.id, each.name]);
  ask({
    title: "Add device",
    body: [
      field("Name", h("input", { name: "name", required: true, maxLength: 300, autocomplete: "off" })),
      field("Label", h("input", { name: "label", maxLength: 300, autocomplete: "off" }), "Optional."),
      field("Profile", select("profile", profiles, profiles[0]?.[0])),
    ],
    go: "Add device",
    submit: async ({ name, label, profile }) => {
      const made = await addDevice(name, label, profile);
      document.dispatchEvent(new CustomEvent("choose", { detail: made.id.id }));
      const { credentialsId } = await tokenOf(made.id.id);
      tokenDialog(`Device ${made.name} is there`, credentialsId);
    },
  });
}

async function showToken(device) {
  try {
    const found = await tokenOf(device.id);
    if (found.credentialsType !== "ACCESS_TOKEN") {
      throw new Error(`${plain(device.name)} proves itself by ${plain(found.credentialsType)}; it has no access token.`);
    }
    tokenDialog(`Access token of ${device.name}`, found.credentialsId);
  } catch (error) {
    problem(error);
  }
}

function tokenDialog(title, token) {
  const input = h("input", { type: "password", value: token, readOnly: true, autocomplete: "off", id: "token" });
  const said = h("span", { className: "soft", role: "status" });
  const see = button("Show", () => {
    const hidden = input.type === "password";
    input.type = hidden ? "text" : "password";
    put(see, hidden ? "Hide" : "Show");
  });
  const take = button("Copy", async () => put(said, (await copy(token, input)) ? "Copied." : "Select it and copy it."), { className: "primary" });
  ask({
    title,
    body: [
      h("label", { for: "token" }, h("span", {}, "Access token: who has it is the device")),
      h("div", { className: "joined" }, input, see, take),
      said,
      h("p", {}, "To be this device, run this in a terminal and paste the token where it asks for it:"),
      h("pre", {}, h("code", {}, command())),
    ],
    stop: "Done",
  });
}

function deleteDevice(device) {
  confirm({
    title: `Delete device ${device.name}?`,
    text: "Its connection is closed; its token, attributes and telemetry are gone for good.",
    go: "Delete device",
    submit: () => remove("device", device.id),
  });
}
