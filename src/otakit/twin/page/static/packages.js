// Packages and device profiles: upload, assign, delete.

import { List, ask, button, cell, confirm, field, h, put, radios, select, show, table } from "./dom.js";
import { sendImage } from "./api.js";
import { assignPackage, assignTo, unassign } from "./assigning.js";
import { bytes, many, named, plain } from "./text.js";
import { KINDS, addProfile, describe, ownOf, packageOf, profileName, remove, world } from "./world.js";

const ALGORITHMS = ["SHA256", "SHA384", "SHA512", "MD5", "CRC32", "MURMUR3_32", "MURMUR3_128"];
let packages = null;
let profiles = null;

function packageRow(first) {
  const title = h("bdi", { className: "name" });
  const tag = h("bdi", { className: "soft" });
  const kind = cell("Kind");
  const profile = h("bdi", {});
  const image = h("bdi", {});
  const name = h("bdi", { className: "soft" });
  const sum = h("summary", {});
  const whole = h("code", {});
  const checksum = h("details", {}, sum, whole);
  const to = cell("Assigned to");
  let now = first;
  const buttons = [
    button("Assign…", () => assignPackage(now)),
    button("Delete…", () => deletePackage(now), { className: "danger" }),
  ];
  const head = h("th", { role: "rowheader", scope: "row" }, title, tag);
  const node = h("tr", { role: "row" }, head, kind, cell("Profile", profile), cell("Image", image, name, checksum), to,
    cell("", h("div", { className: "actions" }, ...buttons)));
  return {
    node,
    update(each) {
      now = each;
      put(title, named(each.title, each.version));
      put(tag, each.tag ? `tag ${plain(each.tag)}` : "");
      put(kind, each.type.toLowerCase());
      put(profile, plain(profileName(each.deviceProfileId?.id)));
      put(image, each.url ? plain(each.url) : each.dataSize === null ? "no image yet" : bytes(each.dataSize));
      put(name, each.fileName ? plain(each.fileName) : "");
      show(checksum, each.checksum);
      put(sum, `${plain(each.checksumAlgorithm ?? "")} ${plain(each.checksum ?? "").slice(0, 12)}…`);
      put(whole, plain(each.checksum ?? ""));
      put(to, holders(each));
      buttons[0].disabled = !each.hasData;
      for (const one of buttons) one.setAttribute("aria-label", `${one.textContent} ${named(each.title, each.version)}`);
    },
  };
}

/** Who has a package: profiles and devices on which it is set. */
function holders(found) {
  const id = found.id.id;
  const kind = found.type.toLowerCase();
  const groups = world.profiles.filter((each) => ownOf(each, kind) === id).map((each) => `profile ${plain(each.name)}`);
  const devices = [...world.devices.values()].filter((each) => each[kind].own === id);
  if (devices.length === 1) groups.push(plain(devices[0].name));
  else if (devices.length) groups.push(many(devices.length, "device"));
  return groups.join(", ") || "nobody";
}

export function drawPackages() {
  const place = document.getElementById("package-list");
  put(document.getElementById("package-count"), world.packages.length ? many(world.packages.length, "package") : "");
  if (!world.packages.length) {
    packages = null;
    if (!place.querySelector(".empty")) place.replaceChildren(
      h("p", { className: "empty" }, "No package yet. Upload an image (any file will do to try it), then assign it to a device or to a profile."));
    return;
  }
  if (!packages) {
    const made = table("Packages", ["Package", "Kind", "Profile", "Image", "Assigned to", "Actions"]);
    place.replaceChildren(made.node);
    packages = new List(made.body, (each) => each.id.id, packageRow);
  }
  packages.show(world.packages);
}

function deletePackage(found) {
  confirm({
    title: `Delete package ${named(found.title, found.version)}?`,
    text: "Its image is gone for good. ThingsBoard refuses while a device or a profile has it.",
    go: "Delete package",
    submit: () => remove("otaPackage", found.id.id),
  });
}

/** Describes a package and sends its image; a package whose image was refused does not stay behind. */
export function uploadDialog() {
  const stopped = new AbortController();
  const file = h("input", { type: "file", name: "file", required: true });
  const url = h("input", { type: "url", name: "url", maxLength: 255, placeholder: "https://", disabled: true, required: true });
  const algorithm = select("algorithm", ALGORITHMS.map((each) => [each, each]), "SHA256");
  const checksum = h("input", { name: "checksum", autocomplete: "off", spellcheck: false });
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Upload" });
  const share = h("span", { className: "soft" });
  const progress = h("div", { className: "progress", hidden: true }, bar, share);
  const ofFile = h("div", { className: "fields" }, field("Image", file), field("Checksum algorithm", algorithm),
    field("Expected checksum", checksum, "Optional; ThingsBoard refuses an image with another one."));
  const ofUrl = h("div", { className: "fields", hidden: true }, field("URL", url, "Devices fetch it themselves; ThingsBoard does not look at it."));
  const sources = radios("Image from", "source", [["file", "a file"], ["url", "a URL"]], (event) => {
    const isUrl = event.target.value === "url";
    show(ofFile, !isUrl);
    show(ofUrl, isUrl);
    [file.disabled, url.disabled] = [isUrl, !isUrl];
  });
  const profileOptions = world.profiles.map((each) => [each.id.id, each.name]);
  const dialog = ask({
    title: "Upload package",
    wide: true,
    body: [
      radios("Kind", "kind", [["FIRMWARE", "firmware"], ["SOFTWARE", "software"]]),
      h("div", { className: "fields" },
        field("Title", h("input", { name: "title", required: true, autocomplete: "off" })),
        field("Version", h("input", { name: "version", required: true, autocomplete: "off" })),
        field("Tag", h("input", { name: "tag", autocomplete: "off" }), "Optional."),
        field("Profile", select("profile", profileOptions, profileOptions[0]?.[0]))),
      sources, ofFile, ofUrl, progress,
    ],
    go: "Upload",
    submit: async (values) => {
      const isUrl = values.source === "url";
      const made = await describe({ ...values, url: isUrl ? values.url : undefined });
      if (isUrl) return;
      show(progress, true);
      try {
        await sendImage(made.id.id, values.algorithm, values.checksum, values.file, (sent, all) => {
          bar.max = all;
          bar.value = sent;
          put(share, `${bytes(sent)} of ${bytes(all)} sent`);
        }, stopped.signal);
      } catch (error) {
        show(progress, false);
        await remove("otaPackage", made.id.id).catch(() => {});
        throw error;
      }
    },
  });
  dialog.addEventListener("close", () => stopped.abort());
}

function profileRow(first) {
  const name = h("bdi", { className: "name" });
  const mark = h("span", { className: "soft" });
  const tracks = KINDS.map((kind) => {
    const what = h("bdi", {});
    const off = button("Unassign", () => unassign("deviceProfile", first.id.id, kind), { className: "quiet" });
    const node = cell(kind === "firmware" ? "Firmware" : "Software", what, " ", off);
    return { node, kind, what, off };
  });
  const devices = cell("Devices");
  const wipe = button("Delete…", () => deleteProfile(first), { className: "danger" });
  const give = button("Assign…", () => assignTo("deviceProfile", first.id.id));
  const node = h("tr", { role: "row" }, h("th", { role: "rowheader", scope: "row" }, name, mark), ...tracks.map((each) => each.node),
    devices, cell("", h("div", { className: "actions" }, give, wipe)));
  return {
    node,
    update(profile) {
      put(name, plain(profile.name));
      put(mark, profile.default ? "default" : "");
      for (const { kind, what, off } of tracks) {
        const own = ownOf(profile, kind);
        const found = packageOf(own);
        put(what, found ? named(found.title, found.version) : own ? "…" : "nothing");
        show(off, own);
        off.setAttribute("aria-label", `Unassign ${kind} of profile ${plain(profile.name)}`);
      }
      put(devices, String([...world.devices.values()].filter((each) => each.profile.id === profile.id.id).length));
      show(wipe, !profile.default);
      for (const each of [give, wipe]) each.setAttribute("aria-label", `${each.textContent} profile ${plain(profile.name)}`);
    },
  };
}

export function drawProfiles() {
  const place = document.getElementById("profile-list");
  put(document.getElementById("profile-count"), many(world.profiles.length, "profile"));
  if (!profiles) {
    const made = table("Device profiles", ["Profile", "Firmware", "Software", "Devices", "Actions"]);
    place.replaceChildren(made.node);
    profiles = new List(made.body, (each) => each.id.id, profileRow);
  }
  profiles.show(world.profiles);
}

export function addProfileDialog() {
  ask({
    title: "Add device profile",
    body: [field("Name", h("input", { name: "name", required: true, autocomplete: "off" }))],
    go: "Add profile",
    submit: ({ name }) => addProfile(name),
  });
}

function deleteProfile(profile) {
  confirm({
    title: `Delete profile ${profile.name}?`,
    text: "Its packages go with it. ThingsBoard refuses while devices have the profile.",
    go: "Delete profile",
    submit: () => remove("deviceProfile", profile.id.id),
  });
}

