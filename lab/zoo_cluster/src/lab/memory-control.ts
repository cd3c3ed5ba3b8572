/** The servers of a lab in memory: parts of one host process, controlled through it. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Control, Follower, Output } from "../ensemble/control.js";
import { FileFollower } from "../ensemble/file-follower.js";
import type { EnsembleSpec, ServerSpec } from "../ensemble/layout.js";
import { LabError, type LabErrorCode, labErrorCodes } from "../errors.js";
import { readTail } from "../files.js";
import {
  findSame,
  type ProcessIdentity,
  type ProcessSnapshot,
  processTable,
  signalSame,
} from "../process/process-table.js";
import { formatSeconds, pause, timeScale } from "../wait.js";
import { type HostCommand, type HostReply, hostSocket, readHost, removeHost } from "./memory-host-file.js";

/** Limits in milliseconds: for the host to be there, to answer, and to be gone. */
export const hostStartTimeoutMs = 20_000;
export const hostAnswerTimeoutMs = 10_000;
export const hostEndTimeoutMs = 10_000;

// Always the built one, seen from src/lab and from dist/lab: it runs without a compiler.
const program = fileURLToPath(new URL("../../dist/lab/memory-host.js", import.meta.url));

/** The one process that holds all servers of a lab. */
export class MemoryHost {
  readonly #folder: string;
  #starting: Promise<ProcessIdentity> | null = null;

  /** @param folder the lab's own folder */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The process, or null when there is none. */
  find(): ProcessSnapshot | null {
    const record = readHost(this.#folder);
    return record === null ? null : findSame(record);
  }

  /** State of one server, as the host has written it down. */
  stateOf(id: number): "running" | "paused" | "stopped" {
    return readHost(this.#folder)?.servers[String(id)] ?? "stopped";
  }

  /** The process, started if there is none. @throws LabError what kept it from starting, `SERVER_EXITED` when it does not say */
  async ensure(): Promise<ProcessIdentity> {
    const found = this.find();
    if (found !== null) return found;
    this.#starting ??= this.#start().finally(() => {
      this.#starting = null;
    });
    return await this.#starting;
  }

  /** Has something done. @throws LabError what the host says, `WRONG_STATE` when it does not answer */
  async ask(command: HostCommand): Promise<void> {
    const reply = await this.#exchange(command);
    if (!reply.ok) throw toError(reply);
  }

  /** Ends the process, by force when that does not help. Nothing to do when it is not there. */
  async end(): Promise<void> {
    const found = this.find();
    if (found === null) {
      removeHost(this.#folder);
      return;
    }
    // A frozen process cannot obey.
    if (found.isPaused) signalSame(found, "SIGCONT");
    await this.ask({ do: "end" }).catch(() => signalSame(found, "SIGTERM"));
    const deadline = performance.now() + hostEndTimeoutMs * timeScale();
    while (findSame(found) !== null) {
      if (performance.now() >= deadline) signalSame(found, "SIGKILL");
      await pause(5);
    }
    removeHost(this.#folder);
  }

  async #start(): Promise<ProcessIdentity> {
    if (!existsSync(program)) {
      throw new LabError(
        "SERVER_EXITED",
        `The host of the model is not built: ${program} is missing. Run pnpm build.`,
      );
    }
    const child = spawn(process.execPath, [program, this.#folder], {
      cwd: "/",
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"] },
    });
    const said = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      said.stdout += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      said.stderr += chunk;
    });
    const line = await new Promise<string>((resolve) => {
      const limit = setTimeout(() => resolve(""), hostStartTimeoutMs * timeScale());
      const finish = (): void => {
        clearTimeout(limit);
        resolve(said.stdout.split("\n")[0] ?? "");
      };
      child.stdout.on("data", () => said.stdout.includes("\n") && finish());
      child.once("error", finish);
      child.once("exit", finish);
    });
    // From here on it lives by itself: nothing of it may keep us running.
    for (const stream of [child.stdout, child.stderr]) stream.destroy();
    child.unref();
    const found = this.find();
    if (line !== "" && found !== null) return found;
    child.kill("SIGKILL");
    const reply = line === "" ? null : (JSON.parse(line) as HostReply);
    if (reply !== null && !reply.ok) throw toError(reply);
    throw new LabError("SERVER_EXITED", `The host of the model did not start. ${said.stderr.trim()}`);
  }

  #exchange(command: HostCommand): Promise<HostReply> {
    return new Promise((resolve, reject) => {
      const socket = connect(hostSocket(this.#folder));
      const fail = (why: string): void => {
        clearTimeout(limit);
        socket.destroy();
        reject(
          new LabError("WRONG_STATE", `The host of the model does not answer "${command.do}": ${why}.`, {
            details: { ...command },
          }),
        );
      };
      const limitMs = hostAnswerTimeoutMs * timeScale();
      const limit = setTimeout(() => fail(`it had ${formatSeconds(limitMs)}`), limitMs);
      let text = "";
      socket.setEncoding("utf8");
      socket.once("connect", () => socket.write(`${JSON.stringify(command)}\n`));
      socket.on("data", (chunk: string) => {
        text += chunk;
        if (!text.includes("\n")) return;
        clearTimeout(limit);
        socket.destroy();
        resolve(JSON.parse(text) as HostReply);
      });
      socket.once("error", (error) => fail(error.message));
      socket.once("close", () => fail("it closed the connection"));
    });
  }
}

/** One control for each server of a lab in memory. */
export function createMemoryControls(spec: EnsembleSpec, host: MemoryHost): Control[] {
  return spec.servers.map((server) => new MemoryControl(server, host));
}

class MemoryControl implements Control {
  readonly server: ServerSpec;
  readonly output: Output;
  readonly #host: MemoryHost;

  constructor(server: ServerSpec, host: MemoryHost) {
    this.server = server;
    this.output = new HostOutput(server);
    this.#host = host;
  }

  async find(): Promise<ProcessSnapshot | null> {
    const host = this.#host.find();
    const state = this.#host.stateOf(this.server.id);
    if (host === null || state === "stopped") return null;
    return { ...host, isPaused: host.isPaused || state === "paused" };
  }

  findAnywhere(): Promise<ProcessSnapshot | null> {
    return this.find();
  }

  async start(mayStart: () => void = () => {}): Promise<ProcessIdentity> {
    mayStart();
    const host = await this.#host.ensure();
    await this.#ask("start");
    return { pid: host.pid, startTime: host.startTime };
  }

  async stop(): Promise<void> {
    await this.term();
  }

  kill(): Promise<ProcessIdentity | null> {
    return this.#end("kill");
  }

  term(): Promise<ProcessIdentity | null> {
    return this.#end("term");
  }

  async pause(): Promise<void> {
    await this.#mustRun("paused");
    await this.#ask("pause");
  }

  async resume(): Promise<void> {
    await this.#mustRun("resumed");
    await this.#ask("resume");
  }

  async askScript(): Promise<null> {
    return null;
  }

  /** Of the whole host: its servers share it. */
  async residentBytes(): Promise<number | null> {
    const found = await this.find();
    return found === null ? null : processTable.residentBytes(found.pid);
  }

  async #end(word: "kill" | "term"): Promise<ProcessIdentity | null> {
    const found = await this.find();
    if (found === null) return null;
    await this.#ask(word);
    return { pid: found.pid, startTime: found.startTime };
  }

  async #ask(word: HostCommand["do"]): Promise<void> {
    await this.#host.ask({ do: word, server: this.server.id });
  }

  async #mustRun(verb: string): Promise<void> {
    if ((await this.find()) !== null) return;
    const { id } = this.server;
    throw new LabError("WRONG_STATE", `Server ${id} cannot be ${verb}: it does not run: start it first.`, {
      details: { server: id },
    });
  }
}

/** One file takes all that a server says. */
class HostOutput implements Output {
  readonly #server: ServerSpec;

  constructor(server: ServerSpec) {
    this.#server = server;
  }

  place(): string {
    return join(this.#server.dir, "server.log");
  }

  async text(): Promise<string> {
    return existsSync(this.place()) ? await readFile(this.place(), "utf8") : "";
  }

  end(bytesMax: number): Promise<string> {
    return readTail(this.place(), bytesMax);
  }

  follow(bytesMax: number): Promise<Follower> {
    return FileFollower.atEnd(() => this.place(), bytesMax);
  }
}

function toError(reply: Extract<HostReply, { ok: false }>): LabError {
  const code = labErrorCodes.find((known) => known === reply.code);
  return new LabError((code ?? "SERVER_EXITED") as LabErrorCode, reply.message);
}
