// Removes the containers of an ensemble whose process has died without doing so itself (SIGKILL, a crash, a closed
// terminal): the sibling of watchdog.mjs.
//
// The process of the ensemble holds the other end of our standard input and says, one JSON value a line, what there is:
//   {"ensemble":{"address":{"socketPath"}|{"host","port"},"label":"KEY=VALUE","keepsVolumes":BOOLEAN,"remove":[PATH]}}
//   {"release":true}   all is well: leave without doing anything
// The end of input without a release means that the process is gone. Then everything with the label is removed, again and
// again until nothing has come for a while: a container that was just being made may appear after the death of its maker.
//
// Plain JavaScript that imports nothing of this package, since it must run from the sources as well as from dist.
import { rmSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

const quietMs = 2_000;
const searchMs = 20_000;

/** @type {{address: object, label: string, keepsVolumes: boolean, remove: string[]} | undefined} */
let ensemble;
let isReleased = false;
let hasEnded = false;
let rest = "";

for (const signal of ["SIGINT", "SIGHUP", "SIGTERM"]) process.on(signal, () => {});
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) obey(JSON.parse(line));
});
process.stdin.on("error", end);
process.stdin.on("close", end);

function obey(message) {
  if (message.ensemble) ensemble = message.ensemble;
  if (message.release) {
    isReleased = true;
    process.exit(0);
  }
}

async function end() {
  if (isReleased || hasEnded) return;
  hasEnded = true;
  if (ensemble === undefined) process.exit(0);
  const started = Date.now();
  let lastSeen = started;
  while (Date.now() - lastSeen < quietMs && Date.now() - started < searchMs) {
    // An engine that does not answer may be on its way back; the search has an end.
    if ((await removeAll().catch(() => 0)) > 0) lastSeen = Date.now();
    await pause(100);
  }
  for (const path of ensemble.remove) rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  process.exit(0);
}

/** How many there were. */
async function removeAll() {
  const filter = encodeURIComponent(JSON.stringify({ label: [ensemble.label] }));
  const containers = await ask("GET", `/containers/json?all=1&filters=${filter}`);
  await Promise.all(
    containers.map(({ Id }) => ask("DELETE", `/containers/${Id}?force=1&v=1`).catch(() => {})),
  );
  const networks = await ask("GET", `/networks?filters=${filter}`);
  await Promise.all(networks.map(({ Id }) => ask("DELETE", `/networks/${Id}`).catch(() => {})));
  if (ensemble.keepsVolumes) return containers.length + networks.length;
  const volumes = (await ask("GET", `/volumes?filters=${filter}`)).Volumes ?? [];
  await Promise.all(volumes.map(({ Name }) => ask("DELETE", `/volumes/${Name}?force=1`).catch(() => {})));
  return containers.length + networks.length + volumes.length;
}

function ask(method, path) {
  return new Promise((resolve, reject) => {
    const asked = request(
      { ...ensemble.address, method, path, headers: { Host: "engine" }, timeout: 10_000 },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk) => {
          text += chunk;
        });
        answer.on("end", () => {
          try {
            resolve(text === "" ? null : JSON.parse(text));
          } catch (error) {
            reject(error);
          }
        });
        answer.on("error", reject);
      },
    );
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.on("error", reject);
    asked.end();
  });
}
