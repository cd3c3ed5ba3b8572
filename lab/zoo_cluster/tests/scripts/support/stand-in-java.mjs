/**
 * Stands in for `java`: writes down how it was called, then behaves as the test told it to.
 *
 * Called by the launcher that test-release.ts writes: `node stand-in-java.mjs FOLDER ARGUMENT...`. FOLDER/calls.ndjson
 * gets a line for each call, FOLDER/behaviour.json tells what to do for each main class.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

const [folder, ...words] = process.argv.slice(2);
const behaviour = JSON.parse(readFileSync(join(folder, "behaviour.json"), "utf8"));
const mainClass = words.find((word) => word.startsWith("org.apache.zookeeper."));
const simpleName = mainClass?.split(".").at(-1) ?? "none";
// Not process.stdin.isTTY and friends: a client is fed, a server gets nothing.
const stdin = simpleName === "ZooKeeperMain" && behaviour.readsStdin ? readFileSync(0, "utf8") : null;

appendFileSync(
  join(folder, "calls.ndjson"),
  `${JSON.stringify({ words, mainClass: simpleName, cwd: process.cwd(), pid: process.pid, env: process.env, stdin })}\n`,
);

// A server of a test run that was killed must not live on.
setInterval(() => {
  try {
    process.kill(behaviour.ownerPid, 0);
  } catch {
    process.exit(0);
  }
}, 500).unref();

if (simpleName === "QuorumPeerMain") {
  runServer();
} else {
  process.stdout.write(behaviour.output ?? "");
  process.stderr.write(behaviour.errorOutput ?? "");
  process.exitCode = behaviour.exitCode ?? 0;
}

function runServer() {
  console.log("a line on standard output");
  console.error("a line on standard error");
  const keepAlive = setInterval(() => {}, 60_000);
  if (behaviour.ignoresTerm) process.on("SIGTERM", () => {});
  switch (behaviour.server) {
    case "dies":
      clearInterval(keepAlive);
      console.error("Invalid config, exiting abnormally");
      process.exitCode = behaviour.exitCode;
      return;
    case "answers":
      listen((socket, word) => socket.end(behaviour.answers[word] ?? ""));
      return;
    case "accepts":
      listen(() => {});
      return;
    case "idles":
      return;
    default:
      throw new Error(`stand-in java: no behaviour ${behaviour.server}`);
  }
}

function listen(answer) {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (data) => answer(socket, data.toString("latin1").trim()));
  });
  setTimeout(() => server.listen(behaviour.port, behaviour.host ?? "127.0.0.1"), behaviour.delayMs ?? 0);
}
