// Assign and unassign: for a device, for a profile, or starting from a package.

import { ask, confirm, field, foreign, h, button, select } from "./dom.js";
import { named } from "./text.js";
import { KINDS, assign, compare, fitting, ownOf, packageOf, profileName, read, readCatalogue, world } from "./world.js";

const STALE = 409;

function profileOf(type, entity) {
  return type === "device" ? entity.deviceProfileId.id : entity.id.id;
}

/** What would count without an own package. */
function otherwise(type, entity, kind) {
  if (type !== "device") return "Nothing";
  const profile = world.profiles.find((each) => each.id.id === entity.deviceProfileId.id);
  const found = profile && packageOf(ownOf(profile, kind));
  return found ? `None of its own: the profile’s ${named(found.title, found.version)}` : "Nothing";
}

/** Kind help for a version conflict: what happened, and the way on. */
function afterConflict(reopen) {
  return (error, dialog) =>
    error.status === STALE
      ? h("span", {}, " It was saved elsewhere while this was open. ", button("Load it again", () => {
          dialog.close();
          reopen();
        }))
      : null;
}

/** Shows why something could not even begin. */
export function problem(error) {
  ask({ title: "That did not work", body: [h("p", { className: "error", role: "alert" }, foreign(error.message))], stop: "Close" });
}

/** Opens a dialog: at once where it needs the profiles only, else on what is stored now. */
export async function begin(then, type, id) {
  if (!type && world.profiles.length) {
    then();
    return;
  }
  try {
    const [entity] = await Promise.all([type ? read(type, id) : null, readCatalogue()]);
    then(entity);
  } catch (error) {
    problem(error);
  }
}

/** Chooses the packages of a device or a profile. */
export function assignTo(type, id) {
  begin((entity) => {
    const profileId = profileOf(type, entity);
    const fields = KINDS.map((kind) => {
      const found = fitting(profileId, kind).map((each) => [each.id.id, named(each.title, each.version)]);
      const chosen = ownOf(entity, kind) ?? "";
      const word = kind === "firmware" ? "Firmware" : "Software";
      const hint = found.length ? null : `No ${kind} package of profile ${profileName(profileId)} has an image or a URL yet.`;
      return field(word, select(kind, [["", otherwise(type, entity, kind)], ...found], chosen), hint);
    });
    const what = type === "device" ? "device" : "profile";
    ask({
      title: `Assign to ${what} ${entity.name}`,
      body: [...fields, type === "device" ? null : followers(id)].filter(Boolean),
      go: "Assign",
      submit: (values) => assign(type, entity, values),
      again: afterConflict(() => assignTo(type, id)),
    });
  }, type, id);
}

function followers(profileId) {
  const there = [...world.devices.values()].filter((each) => each.profile.id === profileId);
  return h("p", { className: "soft" }, `Every device of the profile without a package of its own gets it: ${there.length} in the profile.`);
}

/** Takes one package back, after asking. */
export function unassign(type, id, kind) {
  begin((entity) => {
    const found = packageOf(ownOf(entity, kind));
    const what = found ? named(found.title, found.version) : `its ${kind}`;
    const then = otherwise(type, entity, kind);
    const dialog = confirm({
      title: `Unassign ${what} from ${entity.name}?`,
      text: then === "Nothing" ? "The shared attributes of the package are deleted; fw_state keeps its last word." : `It follows its profile then. ${then}.`,
      go: "Unassign",
      submit: async () => {
        try {
          await assign(type, entity, { [kind]: null });
        } catch (error) {
          if (error.status !== STALE) throw error;
          dialog.close();
          unassign(type, id, kind); // asked again, of what is stored now
        }
      },
    });
  }, type, id);
}

/** Chooses who gets a package. */
export function assignPackage(found) {
  const profileId = found.deviceProfileId?.id;
  const kind = found.type.toLowerCase();
  const devices = [...world.devices.values()].filter((each) => each.profile.id === profileId).sort((a, b) => compare(a.name, b.name));
  const options = [[`deviceProfile ${profileId}`, `Profile ${profileName(profileId)}`]];
  options.push(...devices.map((each) => [`device ${each.id}`, `Device ${each.name}`]));
  ask({
    title: `Assign ${named(found.title, found.version)}`,
    body: [field("To", select("to", options, options[1]?.[0] ?? options[0][0]), "Only devices of the package’s own profile can have it.")],
    go: "Assign",
    submit: async ({ to }) => {
      const [type, id] = to.split(" ");
      await assign(type, await read(type, id), { [kind]: found.id.id });
    },
  });
}
