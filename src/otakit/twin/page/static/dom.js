// Elements, lists that keep their rows, and dialogs that keep what was typed until the server took it.

import { plain } from "./text.js";

/** An element. `props` are properties, or attributes where a name has a dash or is `role`; children are nodes or texts. */
export function h(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.includes("-") || name === "role" || name === "for" || name === "list") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Writes a text where it changed, so that nothing is read aloud or selected anew for nothing. */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Shows or hides. */
export function show(node, is) {
  if (node.hidden === Boolean(is)) node.hidden = !is;
}

/** A list whose rows stay the same elements: `rowOf(item)` makes `{node, update}` for one it does not know. */
export class List {
  constructor(parent, keyOf, rowOf) {
    this.parent = parent;
    this.keyOf = keyOf;
    this.rowOf = rowOf;
    this.rows = new Map();
  }

  show(items) {
    const wanted = new Set(items.map(this.keyOf));
    for (const [key, row] of this.rows) {
      if (wanted.has(key)) continue;
      row.node.remove();
      this.rows.delete(key);
    }
    let place = this.parent.firstElementChild;
    for (const item of items) {
      const key = this.keyOf(item);
      let row = this.rows.get(key);
      if (!row) {
        row = this.rowOf(item);
        this.rows.set(key, row);
      }
      row.update(item);
      if (row.node === place) place = place.nextElementSibling;
      else this.parent.insertBefore(row.node, place);
    }
  }
}

/** A table that stays one for a screen reader when it is drawn as cards. */
export function table(label, columns) {
  const body = h("tbody", { role: "rowgroup" });
  const heads = columns.map((name) => h("th", { role: "columnheader", scope: "col" }, name));
  const head = h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads));
  return { node: h("table", { role: "table", "aria-label": label }, head, body), body };
}

/** One cell; `label` stands before it on a card. */
export function cell(label, ...children) {
  return h("td", { role: "cell", "data-label": label }, ...children);
}

/** A text of someone else's, which may be of any script and direction. */
export function foreign(text = "", props = {}) {
  return h("bdi", props, plain(text));
}

/** A button. */
export function button(text, onclick, props = {}) {
  return h("button", { type: "button", onclick, ...props }, text);
}

/** A field with its label. */
export function field(label, input, hint) {
  return h("label", {}, h("span", {}, label), input, hint ? h("small", { className: "soft" }, hint) : null);
}

/** A choice among `[value, text]`. */
export function select(name, options, chosen) {
  return h("select", { name }, ...options.map(([value, text]) => h("option", { value, selected: value === chosen }, plain(text))));
}

/** A choice of one of a few, all in sight. */
export function radios(legend, name, options, onchange) {
  const made = options.map(([value, text], place) =>
    h("label", { className: "check" }, h("input", { type: "radio", name, value, defaultChecked: place === 0, onchange }), text),
  );
  return h("fieldset", {}, h("legend", {}, legend), ...made);
}

let count = 0;

/**
 * A dialog around a form.
 *
 * `submit(values, dialog)` does the work; what it throws is shown beside the button in the server's words, and
 * the form stays. `again` stands beside the refusal where it helps: `(error, dialog) => node or null`.
 */
export function ask({ title, body, go, tone = "primary", submit, again, wide = false, stop = "Cancel" }) {
  count += 1;
  const name = `dialog-${count}`;
  const error = h("p", { className: "error", role: "alert", hidden: true });
  const send = h("button", { className: tone }, go);
  const end = button(stop, () => dialog.close());
  const form = h("form", { method: "dialog" }, h("h2", { id: name }, plain(title)), ...body, error);
  form.append(h("div", { className: "tools" }, ...(go ? [send] : []), end));
  const dialog = h("dialog", { "aria-labelledby": name, className: wide ? "wide" : "" }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!submit) {
      dialog.close();
      return;
    }
    show(error, false);
    error.replaceChildren();
    send.disabled = true;
    try {
      await submit(Object.fromEntries(new FormData(form)), dialog);
      dialog.close();
    } catch (problem) {
      error.append(foreign(problem.message), ...[again?.(problem, dialog)].filter(Boolean));
      show(error, true);
    } finally {
      send.disabled = false;
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks before something is lost. */
export function confirm({ title, text, go, submit }) {
  return ask({ title, body: [h("p", {}, plain(text))], go, tone: "danger", submit });
}

/** Copies a text, also where the page has no clipboard (plain http on a network). */
export async function copy(text, input) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const kind = input.type;
    input.type = "text";
    input.select();
    const done = document.execCommand("copy");
    input.type = kind;
    return done;
  }
}
