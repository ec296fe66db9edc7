// What the page knows of the twin, and the operator's changes to it.

import { all, call } from "./api.js";

export const KINDS = ["firmware", "software"];
const FIELD = { firmware: "firmwareId", software: "softwareId" };

/** Devices come with the stream, profiles and packages by REST. */
export const world = { devices: new Map(), profiles: [], packages: [], about: null, chosen: null };

function urlOf(scheme) {
  const door = world.about?.[scheme];
  if (!door) return null;
  const isAny = door.host === "0.0.0.0" || door.host === "::" || door.host === "";
  const place = isAny ? location.hostname : door.host.includes(":") ? `[${door.host}]` : door.host;
  return `${scheme}://${place}:${door.port}`;
}

/** Where devices connect, as a device's command takes it. */
export function mqttUrl() {
  return urlOf("mqtt") ?? "mqtt://127.0.0.1";
}

/** Every address for devices. */
export function doors() {
  return [urlOf("mqtt"), urlOf("mqtts")].filter(Boolean).join(" or ");
}

/** The command that makes a terminal a device. */
export function command() {
  return `otakit update ${mqttUrl()}`;
}

/** Reads packages and profiles anew. */
export async function readCatalogue() {
  const [profiles, packages] = await Promise.all([all("/api/deviceProfiles"), all("/api/otaPackages")]);
  world.profiles = profiles.sort((a, b) => b.default - a.default || compare(a.name, b.name));
  world.packages = packages.sort((a, b) => b.createdTime - a.createdTime);
}

const order = new Intl.Collator("en", { numeric: true });
export function compare(a, b) {
  return order.compare(a, b);
}

export function packageOf(id) {
  return world.packages.find((each) => each.id.id === id);
}

export function profileName(id) {
  return world.profiles.find((each) => each.id.id === id)?.name ?? "";
}

/** Packages that devices of a profile can be given. */
export function fitting(profileId, kind) {
  return world.packages.filter(
    (each) => each.hasData && each.type === kind.toUpperCase() && each.deviceProfileId?.id === profileId,
  );
}

/** The package set on a device or a profile itself. */
export function ownOf(entity, kind) {
  return entity[FIELD[kind]]?.id ?? null;
}

/** A device or profile as it is stored now; saving it whole is how ThingsBoard assigns. */
export function read(type, id) {
  return call("GET", `/api/${type}/${id}`);
}

/** Saves `entity` with other packages; a version conflict comes back as ThingsBoard's refusal. */
export function assign(type, entity, packages) {
  const changed = { ...entity };
  for (const [kind, id] of Object.entries(packages)) {
    changed[FIELD[kind]] = id ? { entityType: "OTA_PACKAGE", id } : null;
  }
  return call("POST", `/api/${type}`, changed);
}

export function addDevice(name, label, profileId) {
  // without one, before the first list of profiles is there, ThingsBoard takes the default profile
  const deviceProfileId = profileId ? { entityType: "DEVICE_PROFILE", id: profileId } : null;
  return call("POST", "/api/device", { name, label: label || null, deviceProfileId });
}

export async function tokenOf(deviceId) {
  return call("GET", `/api/device/${deviceId}/credentials`);
}

export function addProfile(name) {
  const plainOne = { type: "DEFAULT" };
  const profileData = { configuration: plainOne, transportConfiguration: plainOne };
  return call("POST", "/api/deviceProfile", { name, type: "DEFAULT", transportType: "DEFAULT", profileData });
}

export function describe({ kind, title, version, tag, profile, url }) {
  return call("POST", "/api/otaPackage", {
    type: kind,
    title,
    version,
    tag: tag || null,
    deviceProfileId: { entityType: "DEVICE_PROFILE", id: profile },
    usesUrl: url !== undefined,
    ...(url !== undefined && { url }),
  });
}

/** Deletes a `device`, `deviceProfile` or `otaPackage`. */
export function remove(type, id) {
  return call("DELETE", `/api/${type}/${id}`);
}
