// Values as people read them. What a device or another operator wrote is shown as text and never as markup.

const whole = new Intl.NumberFormat("en-US");
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const FINE = /[\u0000-\u001f\u007f]/g;
const UNSEEN = /[\u0080-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** A foreign text with its control characters made visible, so that it cannot pose as another. */
export function plain(text) {
  return String(text ?? "")
    .replace(FINE, (mark) => (mark === "\u007f" ? "\u2421" : String.fromCharCode(0x2400 + mark.charCodeAt(0))))
    .replace(UNSEEN, (mark) => `⟨U+${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

/** `4,096 bytes`. */
export function bytes(count) {
  return `${whole.format(count)} byte${count === 1 ? "" : "s"}`;
}

/** `1 device`, `2 devices`. */
export function many(count, word) {
  return `${whole.format(count)} ${word}${count === 1 ? "" : "s"}`;
}

/** `17:03:21`, with the day before it where that is not today. */
export function when(ms) {
  const at = new Date(ms);
  const today = at.toDateString() === new Date().toDateString();
  return today ? clock.format(at) : `${day.format(at)} ${clock.format(at)}`;
}

/** `17:03:21.042`. */
export function instant(ms) {
  return `${clock.format(new Date(ms))}.${String(ms % 1000).padStart(3, "0")}`;
}

/** `3.1 ms`, `2.04 s`. */
export function took(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms >= 100 ? ms.toFixed(0) : ms >= 1 ? ms.toFixed(1) : ms.toFixed(2)} ms`;
}

/** Title and version of a package, or of what runs. */
export function named(title, version) {
  return plain([title, version].filter((part) => part !== null && part !== undefined).join(" "));
}

const TONES = {
  QUEUED: ["note", "○"],
  INITIATED: ["note", "◔"],
  DOWNLOADING: ["busy", "↓"],
  DOWNLOADED: ["busy", "◑"],
  VERIFIED: ["busy", "◕"],
  UPDATING: ["busy", "↻"],
  UPDATED: ["good", "✓"],
  FAILED: ["bad", "✗"],
};

/** Tone and shape of a status; any word that ThingsBoard's dashboards do not know has its own. */
export function toneOf(state) {
  return TONES[state] ?? ["odd", "?"];
}
