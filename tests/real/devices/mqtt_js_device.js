// A device on npm's mqtt: one update, then one JSON line with what came of it.
//   node mqtt_js_device.js HOST PORT TOKEN VERSION     (run where node_modules is)
const { createHash } = require("crypto");
const { connect } = require(require.resolve("mqtt", { paths: [process.cwd()] }));
const [host, port, username, version] = process.argv.slice(2);
const CHUNK = 4096;
const client = connect({ host, port: Number(port), username, protocolVersion: version === "5" ? 5 : 4, reconnectPeriod: 0 });
const chunks = new Map();
let offer = null;
const report = (values) => client.publishAsync("v1/devices/me/telemetry", JSON.stringify(values), { qos: 1 });
const ask = (index) => client.publishAsync(`v2/fw/request/1/chunk/${index}`, String(CHUNK), { qos: 1 });

async function begin() {
  await client.subscribeAsync(
    ["v1/devices/me/attributes", "v1/devices/me/attributes/response/+", "v2/fw/response/+/chunk/+"], { qos: 1 });
  await report({ current_fw_title: "pump", current_fw_version: "1.0.0" });
  const sharedKeys = "fw_title,fw_version,fw_size,fw_checksum";
  await client.publishAsync("v1/devices/me/attributes/request/1", JSON.stringify({ sharedKeys }), { qos: 1 });
}

async function hear(topic, payload) {
  if (topic.startsWith("v1/devices/me/attributes/response/")) {
    offer = JSON.parse(payload).shared;
    await report({ fw_state: "DOWNLOADING" });
    await ask(0);
  } else if (topic.startsWith("v2/fw/response/")) {
    const first = chunks.size === 0;
    chunks.set(Number(topic.split("/").pop()), payload);
    const count = Math.ceil(offer.fw_size / CHUNK);
    if (first) for (let index = 1; index < count; index++) await ask(index);
    if (chunks.size === count && !first) await finish(count);
  }
}

async function finish(count) {
  const image = Buffer.concat(Array.from({ length: count }, (_, index) => chunks.get(index)));
  const fits = createHash("sha256").update(image).digest("hex") === offer.fw_checksum;
  for (const state of fits ? ["DOWNLOADED", "VERIFIED", "UPDATING", "UPDATED"] : ["FAILED"]) await report({ fw_state: state });
  await client.endAsync();
  console.log(JSON.stringify({ bytes: image.length, fits }));
}

const fail = (error) => { console.error(String(error)); process.exit(1); };
client.on("connect", () => begin().catch(fail));
client.on("message", (topic, payload) => hear(topic, payload).catch(fail));
client.on("error", fail);
