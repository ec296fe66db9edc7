// The operators' REST API, as any client speaks it: login, calls, uploads, and the stream of what happens.

const KEPT = "otakit-twin-login";
const STALLED_MS = 25_000; // the twin says something at least every ten seconds
const WAITS_MS = [300, 600, 1200, 2500, 5000];

/** What the server refused, in its own words. */
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** The twin's answer cannot be had. */
export class Away extends Error {}

/** Nobody is logged in. */
export class LoginNeeded extends Error {}

let pair = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");

function keep(found) {
  pair = found && { token: found.token, refreshToken: found.refreshToken, staleAt: Date.now() + lifeOf(found.token) };
  if (pair) sessionStorage.setItem(KEPT, JSON.stringify(pair));
  else sessionStorage.removeItem(KEPT);
}

/** Milliseconds that a token may be used, by the server's own clock; a little less. */
function lifeOf(token) {
  const claims = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  return (claims.exp - claims.iat) * 900;
}

/** The words of a refusal: ThingsBoard answers with an object, a bare JSON text, or plain text. */
export function wordsOf(status, raw) {
  try {
    const body = JSON.parse(raw);
    if (typeof body === "string") return body;
    if (body?.message) return String(body.message);
  } catch {
    // plain text
  }
  return raw || `The server answered ${status} without a word`;
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Away("The twin does not answer. Is it still running?");
  }
}

async function post(path, body) {
  const answer = await reach(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  const raw = await answer.text();
  if (!answer.ok) throw new Refused(answer.status, wordsOf(answer.status, raw));
  return JSON.parse(raw);
}

/** Logs in with a user and a password. */
export async function login(username, password) {
  keep(await post("/api/auth/login", { username, password }));
}

/** Logs in without asking, where the twin says how; whether it did. */
export async function loginAlone() {
  const hint = await (await reach("/twin/login/hint")).json();
  if (!hint.user) return false;
  await login(hint.user, hint.password);
  return true;
}

export function logout() {
  keep(null);
}

export function isLoggedIn() {
  return pair !== null;
}

let renewing = null;

/** A fresh token for a stale one: once, however many calls ask for it. */
function renew() {
  renewing ??= (async () => {
    try {
      if (pair) keep(await post("/api/auth/token", { refreshToken: pair.refreshToken }));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      keep(null);
    }
    if (!pair && !(await loginAlone())) throw new LoginNeeded("Log in again");
  })().finally(() => {
    renewing = null;
  });
  return renewing;
}

async function bearer() {
  if (!pair || Date.now() > pair.staleAt) await renew();
  return { "X-Authorization": `Bearer ${pair.token}` };
}

async function authorised(path, options = {}) {
  const once = async () => reach(path, { ...options, headers: { ...options.headers, ...(await bearer()) } });
  let answer = await once();
  if (answer.status === 401) {
    await renew();
    answer = await once();
  }
  return answer;
}

/** One REST call; the JSON of its answer. */
export async function call(method, path, body) {
  const options = { method };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  const answer = await authorised(path, options);
  const raw = await answer.text();
  if (!answer.ok) throw new Refused(answer.status, wordsOf(answer.status, raw));
  return raw ? JSON.parse(raw) : null;
}

/** Every row of a paged list. */
export async function all(path) {
  const rows = [];
  for (let page = 0, more = true; more; page += 1) {
    const found = await call("GET", `${path}?pageSize=500&page=${page}`);
    rows.push(...found.data);
    more = found.hasNext;
  }
  return rows;
}

/** Sends an image; `heard` gets the share that is sent. Aborted by `signal`. */
export async function sendImage(id, algorithm, checksum, file, heard, signal) {
  const headers = await bearer();
  const query = new URLSearchParams({ checksumAlgorithm: algorithm, ...(checksum && { checksum }) });
  const form = new FormData();
  form.append("file", file, file.name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch cannot tell how much of a body is sent
    request.open("POST", `/api/otaPackage/${id}?${query}`);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => heard(event.loaded, event.total);
    request.onload = () =>
      request.status < 300 ? resolve() : reject(new Refused(request.status, wordsOf(request.status, request.responseText)));
    request.onerror = () => reject(new Away("The twin went away in the middle of the upload"));
    request.onabort = () => reject(new Away("The upload was stopped"));
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/**
 * The stream of what happens, for as long as `signal` lets it; comes back by itself.
 *
 * `heard(name, body)` gets every event, `state(word)` hears `live`, `away` and `login`.
 */
export async function follow(device, heard, state, signal) {
  for (let tries = 0; !signal.aborted; tries += 1) {
    try {
      await stream(device, (name, body) => {
        tries = 0;
        heard(name, body);
      }, () => state("live"), signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof LoginNeeded) {
        state("login");
        return;
      }
    }
    if (signal.aborted) return;
    state("away");
    await new Promise((resolve) => {
      setTimeout(resolve, WAITS_MS[Math.min(tries, WAITS_MS.length - 1)]);
      signal.addEventListener("abort", resolve, { once: true });
    });
  }
}

async function stream(device, heard, opened, signal) {
  const query = device === null ? "" : `?${new URLSearchParams({ device })}`;
  const stalled = new AbortController();
  const answer = await authorised(`/api/twin/feed${query}`, { signal: AbortSignal.any([signal, stalled.signal]) });
  if (!answer.ok) throw new Refused(answer.status, wordsOf(answer.status, await answer.text()));
  opened();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const watchdog = setTimeout(() => stalled.abort(), STALLED_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(watchdog));
    if (done) return;
    const parts = (held + value).split("\n\n");
    held = parts.pop();
    for (const part of parts) {
      const name = /^event: (.*)$/m.exec(part);
      const body = /^data: (.*)$/m.exec(part);
      if (name && body) heard(name[1], JSON.parse(body[1]));
    }
  }
}
