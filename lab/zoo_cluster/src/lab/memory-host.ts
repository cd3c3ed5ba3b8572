/**
 * The process behind `lab up --memory`: all servers of a model, obeying commands that come through a socket file.
 *
 * It is started with the lab's own folder as its only argument. On its standard output it says one line: that it is ready,
 * or why it is not. It ends when told so, when it is terminated, and by itself when the lab's state file no longer tells of
 * it, so that a folder that somebody has removed leaves no process behind.
 */
import { appendFileSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type MemoryEnsemble, startMemoryEnsemble } from "@zk/memory-server";
import { readState } from "../ensemble/state-file.js";
import { LabError } from "../errors.js";
import { ownIdentity } from "../process/process-table.js";
import {
  type HostCommand,
  type HostReply,
  hostSocket,
  isHostCommand,
  memoryFolder,
  readHost,
  removeHost,
  type ServerState,
  writeHost,
} from "./memory-host-file.js";

/** Milliseconds between two looks at the state file. */
const lookEveryMs = 2_000;
const commandBytesMax = 10_000;

const [folder = ""] = process.argv.slice(2);
const identity = ownIdentity();
let ending: Promise<void> | null = null;

// Whoever started us has gone with the other ends of these.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
process.on("warning", note);
process.on("uncaughtException", (error) => {
  note(error);
  process.exit(1);
});

try {
  const ensemble = await start();
  const listener = createServer({ allowHalfOpen: true }, (socket) => serve(socket, ensemble));
  const socketPath = hostSocket(folder);
  // Left by a host that was killed; the caller holds the lab's lock, so no other one lives.
  rmSync(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => listener.once("error", reject).listen(socketPath, resolve));
  record(ensemble);
  const end = (): Promise<void> => {
    ending ??= finish(ensemble);
    return ending;
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => void end());
  setInterval(() => void endWhenForgotten(end), lookEveryMs);
  say({ ok: true });
} catch (error) {
  say(failureOf(error));
  process.exitCode = 1;
  setImmediate(() => process.exit());
}

async function start(): Promise<MemoryEnsemble> {
  const state = await readState(folder);
  if (state?.spec.memory === undefined) {
    throw new LabError("NO_LAB", `${folder} is not the folder of a lab in memory.`);
  }
  const { name, tickTimeMs, servers } = state.spec;
  const ensemble = await startMemoryEnsemble({
    name,
    tickTimeMs,
    servers: servers.length,
    ports: servers.map(({ clientPort }) => clientPort),
    dir: memoryFolder(folder),
    // As in the configuration that the lab writes for real servers.
    maxClientCnxns: 0,
    initLimit: 20,
    syncLimit: 5,
    wait: false,
    keepAlive: true,
  });
  // Which servers run is for the commands to say.
  for (const { id } of servers) await ensemble.kill(id);
  return ensemble;
}

function serve(socket: Socket, ensemble: MemoryEnsemble): void {
  let text = "";
  socket.setEncoding("utf8");
  socket.on("error", () => {
    // Whoever asked is gone; what they asked for is done all the same.
  });
  socket.on("data", (chunk: string) => {
    text += chunk;
    if (text.length > commandBytesMax) socket.destroy();
    const [line, ...more] = text.split("\n");
    if (more.length === 0 || line === undefined) return;
    text = "";
    void obey(line, ensemble).then(({ reply, isLast }) => {
      socket.end(`${JSON.stringify(reply)}\n`, () => {
        if (isLast) process.exit(0);
      });
    });
  });
  socket.on("end", () => socket.end());
}

async function obey(
  line: string,
  ensemble: MemoryEnsemble,
): Promise<{ readonly reply: HostReply; readonly isLast: boolean }> {
  try {
    const command: unknown = JSON.parse(line);
    if (!isHostCommand(command)) throw new LabError("BAD_OPTION", `This is no command: ${line}`);
    if (command.do === "end") {
      ending ??= finish(ensemble, () => {});
      await ending;
      return { reply: { ok: true }, isLast: true };
    }
    await apply(command, ensemble);
    record(ensemble);
    return { reply: { ok: true }, isLast: false };
  } catch (error) {
    return { reply: failureOf(error), isLast: false };
  }
}

async function apply(command: HostCommand, ensemble: MemoryEnsemble): Promise<void> {
  const { server = 0 } = command;
  if (command.do === "start") await ensemble.start(server, { wait: "process" });
  if (command.do === "kill") await ensemble.kill(server);
  if (command.do === "term") await ensemble.term(server);
  if (command.do === "pause") await ensemble.pause(server);
  if (command.do === "resume") await ensemble.resume(server);
}

/** What commands look at before they ask. */
function record({ servers, model }: MemoryEnsemble): void {
  const states = servers.map(({ id }): [string, ServerState] => {
    const { role, isPaused } = model.server(id);
    return [String(id), role === "down" ? "stopped" : isPaused ? "paused" : "running"];
  });
  writeHost(folder, { ...identity, servers: Object.fromEntries(states) });
}

async function finish(ensemble: MemoryEnsemble, exit: () => void = () => process.exit(0)): Promise<void> {
  try {
    await ensemble.stop();
  } finally {
    if (readHost(folder)?.pid === process.pid) removeHost(folder);
    rmSync(hostSocket(folder), { force: true });
  }
  exit();
}

async function endWhenForgotten(end: () => Promise<void>): Promise<void> {
  const state = await readState(folder).catch(() => null);
  const isKnown = state?.spec.memory !== undefined && readHost(folder)?.pid === process.pid;
  if (!isKnown) await end();
}

function failureOf(error: unknown): HostReply {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  return { ok: false, code: String(code ?? "INTERNAL"), message: String(message ?? error) };
}

/** Nobody reads what a process in the background complains of, so it is kept. */
function note(error: Error): void {
  try {
    const line = `${new Date().toISOString()} ${error.stack ?? error.message}\n`;
    appendFileSync(join(memoryFolder(folder), "host.log"), line);
  } catch {
    // No folder any more: then nobody will look there either.
  }
}

function say(reply: HostReply): void {
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
