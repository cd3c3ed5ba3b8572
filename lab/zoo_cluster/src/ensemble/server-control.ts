/**
 * One server as a process: found, started, stopped and signalled.
 *
 * Rules:
 * - Ours is a process whose command line carries the lab's marker *and* this server's configuration file. It is looked
 *   for where it was last seen, then by the pid file, then (only where that matters) among all processes.
 * - A signal goes to a pid only together with its start time, compared at that moment.
 * - The control scripts of some releases claim success whatever happened and kill whatever the pid file says. So a pid
 *   file that does not name our process is removed before a script is run, and the result is looked at, not believed.
 * - Changes of one server happen one after another: each waits for the one before it. What merely takes time (a server
 *   on its way into the quorum) holds nobody up.
 */
import { readFileSync, realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename } from "node:path";
import { isLabError, LabError } from "../errors.js";
import { describePortOwner } from "../ports/port-owner.js";
import { isPortFree } from "../ports/port-test.js";
import {
  findSame,
  hasArgument,
  type ProcessIdentity,
  type ProcessSnapshot,
  processTable,
  signalSame,
} from "../process/process-table.js";
import type { Environment, Java } from "../release/types.js";
import { pause, waitFor } from "../wait.js";
import { type Control, tailOf } from "./control.js";
import { describeScriptResult, runControlScript, type ScriptResult } from "./control-script.js";
import { type EnsembleSpec, markerOf, pathsOf, type ServerPaths, type ServerSpec } from "./layout.js";
import { ServerOutput } from "./server-output.js";

/** Limits in milliseconds. */
export const startScriptTimeoutMs = 30_000;
export const stopScriptTimeoutMs = 20_000;
export const statusScriptTimeoutMs = 5_000;
/** For a process to be gone after SIGKILL, or frozen after SIGSTOP. */
export const signalEffectTimeoutMs = 10_000;
/** For a server to end by itself after SIGTERM. */
export const termTimeoutMs = 15_000;

/** Told of each process that comes and goes, to keep the watchdog informed. */
export interface ProcessListener {
  started(identity: ProcessIdentity): void;
  gone(identity: ProcessIdentity): void;
}

/** What a control needs from its ensemble. */
export interface ControlContext {
  readonly spec: EnsembleSpec;
  /** Asked when a script is run that may need it; null leaves the choice to the server's java.env. */
  readonly java: () => Promise<Java | null>;
  readonly env: Environment;
  readonly listener: ProcessListener;
}

/** For who only looks. */
export const silentListener: ProcessListener = { started: () => {}, gone: () => {} };

/** For who starts nothing. */
export const noJava = async (): Promise<null> => null;

/** One control for each server of an ensemble. */
export function createControls(context: ControlContext): ServerControl[] {
  return context.spec.servers.map((server) => new ServerControl(server, context));
}

/** See the rules above. */
export class ServerControl implements Control {
  readonly server: ServerSpec;
  readonly paths: ServerPaths;
  readonly marker: string;
  readonly output: ServerOutput;
  readonly #context: ControlContext;
  #last: ProcessIdentity | null = null;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(server: ServerSpec, context: ControlContext) {
    this.server = server;
    this.paths = pathsOf(server);
    this.marker = markerOf(context.spec.name, server.id);
    this.output = new ServerOutput(this.paths.logs);
    this.#context = context;
  }

  async find(): Promise<ProcessSnapshot | null> {
    return this.#find();
  }

  /** As {@link find}, also when the pid file is missing or wrong: looks at every process. */
  async findAnywhere(): Promise<ProcessSnapshot | null> {
    return this.#findAnywhere();
  }

  #find(): ProcessSnapshot | null {
    const last = this.#last === null ? null : findSame(this.#last);
    if (last !== null) return last;
    this.#forget();
    return this.#adopt(this.#readPidFile());
  }

  #findAnywhere(): ProcessSnapshot | null {
    return this.#find() ?? this.#adopt(processTable.list().find((process) => this.#isOurs(process)) ?? null);
  }

  /**
   * Makes the process run: starts it when stopped, resumes it when paused, leaves it when it runs.
   *
   * Resolves when the process exists, long before it serves.
   *
   * @param mayStart asked when it is our turn; throws to refuse.
   * @throws LabError `PORT_TAKEN`, `SCRIPT_FAILED`, `SERVER_EXITED`
   */
  start(mayStart: () => void = () => {}): Promise<ProcessIdentity> {
    return this.#oneAtATime(async () => {
      mayStart();
      const found = this.#findAnywhere();
      if (found !== null) {
        if (found.isPaused) await this.#signalAndSee(found, "SIGCONT");
        return { pid: found.pid, startTime: found.startTime };
      }
      // Scripts of old releases believe any pid file; the lab's own judges for itself, also a start that is under way.
      if (this.#context.spec.ownScripts) await this.#removePidFile();
      await this.#checkPorts();
      await this.output.putAside();
      return await this.#runStart();
    });
  }

  /** Ends the process in order, through its own script; by force when that does not help. Nothing to do when it is not there. */
  stop(): Promise<void> {
    return this.#oneAtATime(async () => {
      const found = this.#findAnywhere();
      if (found !== null) {
        // A paused process cannot obey.
        if (found.isPaused) signalSame(found, "SIGCONT");
        await this.#runStop(found);
      }
      await this.#removePidFile();
    });
  }

  /** SIGKILL; resolves when the process is gone. Nothing to do when it is not there. */
  kill(): Promise<ProcessIdentity | null> {
    return this.#end("SIGKILL", signalEffectTimeoutMs);
  }

  /** SIGTERM, to a paused process together with SIGCONT; resolves when the process is gone. */
  term(): Promise<ProcessIdentity | null> {
    return this.#end("SIGTERM", termTimeoutMs);
  }

  /** SIGSTOP; resolves when every thread is frozen. Nothing to do when it is paused. */
  pause(): Promise<void> {
    return this.#oneAtATime(async () => {
      const found = this.#mustRun("paused");
      if (!found.isPaused) await this.#signalAndSee(found, "SIGSTOP");
    });
  }

  /** SIGCONT; resolves when the process runs again. Nothing to do when it runs. */
  resume(): Promise<void> {
    return this.#oneAtATime(async () => {
      const found = this.#mustRun("resumed");
      // Also when it does not look paused: it could be in the middle of being frozen by someone else.
      await this.#signalAndSee(found, "SIGCONT");
    });
  }

  /** For the last moment of our own process: SIGKILL without waiting. */
  killNow(): void {
    const found = this.#find();
    if (found !== null) signalSame(found, "SIGKILL");
  }

  /** `zkServer.sh status` of this server, or null when it did not end in time or cannot be run. */
  async askScript(): Promise<ScriptResult | null> {
    try {
      const result = await this.#run(["status"], statusScriptTimeoutMs);
      return result.timedOut ? null : result;
    } catch (error) {
      // A status tells what is there; a script that somebody removed is missing from it, and no more.
      if (isLabError(error, "SCRIPT_FAILED")) return null;
      throw error;
    }
  }

  async residentBytes(): Promise<number | null> {
    const found = this.#find();
    return found === null ? null : processTable.residentBytes(found.pid);
  }

  async #runStart(): Promise<ProcessIdentity> {
    // The lab's script would wait until the server serves, which without a quorum it does not; old ones never wait.
    const words = this.#context.spec.ownScripts ? ["start"] : ["start", "--until", "process"];
    const result = await this.#run(words, startScriptTimeoutMs);
    // The script's word is not enough: the process must be there. Until Java has replaced the shell it bears no marker.
    const deadline = performance.now() + 2_000;
    let found = this.#find();
    while (found === null && this.#pidFileProcess() !== null && performance.now() < deadline) {
      await pause(10);
      found = this.#find();
    }
    if (found === null) {
      throw new LabError(
        result.exitCode === 0 && !result.timedOut ? "SERVER_EXITED" : "SCRIPT_FAILED",
        `Server ${this.server.id} did not start: ${describeScriptResult(words, result, startScriptTimeoutMs)}\n${await tailOf(this)}`,
        { details: { server: this.server.id, exitCode: result.exitCode } },
      );
    }
    return { pid: found.pid, startTime: found.startTime };
  }

  async #runStop(found: ProcessIdentity): Promise<void> {
    if (this.#readPidFile()?.startTime === found.startTime) {
      await this.#run(["stop"], stopScriptTimeoutMs).catch(() => null);
    } else {
      // Without a pid file the script knows of no server.
      signalSame(found, "SIGTERM");
    }
    const isGone = await this.#isGoneWithin(found, findSame(found) === null ? 0 : 5_000);
    if (!isGone) {
      signalSame(found, "SIGKILL");
      await this.#waitGone(found, "SIGKILL", signalEffectTimeoutMs);
    }
    this.#forget();
  }

  #end(signal: "SIGKILL" | "SIGTERM", timeoutMs: number): Promise<ProcessIdentity | null> {
    return this.#oneAtATime(async () => {
      const found = this.#find();
      if (found === null) return null;
      signalSame(found, signal);
      if (signal === "SIGTERM") signalSame(found, "SIGCONT");
      await this.#waitGone(found, signal, timeoutMs);
      this.#forget();
      await this.#removePidFile();
      return { pid: found.pid, startTime: found.startTime };
    });
  }

  async #signalAndSee(found: ProcessIdentity, signal: "SIGSTOP" | "SIGCONT"): Promise<void> {
    const isPaused = signal === "SIGSTOP";
    signalSame(found, signal);
    await waitFor({
      what: `server ${this.server.id} (pid ${found.pid}) to be ${isPaused ? "paused" : "resumed"} by ${signal}`,
      timeoutMs: signalEffectTimeoutMs,
      intervalMs: 2,
      code: "WRONG_STATE",
      look: () => {
        const now = findSame(found);
        if (now === null) throw this.#stateError(isPaused ? "paused" : "resumed", "it has just ended");
        return now.isPaused === isPaused ? true : undefined;
      },
    });
  }

  async #waitGone(found: ProcessIdentity, signal: string, timeoutMs: number): Promise<void> {
    await waitFor({
      what: `server ${this.server.id} (pid ${found.pid}) to end after ${signal}`,
      timeoutMs,
      intervalMs: 5,
      code: "WRONG_STATE",
      look: () => (findSame(found) === null ? true : undefined),
      describe: () => tailOf(this),
    });
  }

  async #isGoneWithin(found: ProcessIdentity, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (findSame(found) !== null) {
      if (performance.now() >= deadline) return false;
      await pause(10);
    }
    return true;
  }

  #mustRun(verb: string): ProcessSnapshot {
    const found = this.#find();
    if (found === null) throw this.#stateError(verb, "it does not run: start it first");
    return found;
  }

  #stateError(verb: string, why: string): LabError {
    return new LabError("WRONG_STATE", `Server ${this.server.id} cannot be ${verb}: ${why}.`, {
      details: { server: this.server.id },
    });
  }

  async #checkPorts(): Promise<void> {
    const { id, clientPort, quorumPort, electionPort } = this.server;
    for (const [use, port] of [
      ["client", clientPort],
      ["quorum", quorumPort],
      ["election", electionPort],
    ] as const) {
      if (this.#context.spec.servers.length === 1 && use !== "client") continue;
      if (await this.#isFreeSoon(port)) continue;
      const owner = describePortOwner(port);
      throw new LabError(
        "PORT_TAKEN",
        `The ${use} port ${port} of server ${id} is taken by ${owner}. End that process, or give the ensemble other ports (--name NAME leases free ones).`,
        { details: { server: id, port, owner } },
      );
    }
  }

  /** Looks for a second: a server that has just ended may still be on its way out. */
  async #isFreeSoon(port: number): Promise<boolean> {
    const deadline = performance.now() + 1_000;
    while (!(await isPortFree(port))) {
      if (performance.now() >= deadline) return false;
      await pause(20);
    }
    return true;
  }

  async #run(words: readonly string[], timeoutMs: number): Promise<ScriptResult> {
    const { java, env } = this.#context;
    return await runControlScript(this.server, words, { java: await java(), env, timeoutMs });
  }

  /** The process named by the pid file if it is ours. */
  #readPidFile(): ProcessSnapshot | null {
    const process = this.#pidFileProcess();
    return process !== null && this.#isOurs(process) ? process : null;
  }

  #pidFileProcess(): ProcessSnapshot | null {
    let text: string;
    try {
      text = readFileSync(this.paths.pidFile, "utf8");
    } catch {
      // No pid file: nothing is known to run.
      return null;
    }
    const pid = Number(text.trim());
    return Number.isInteger(pid) && pid > 0 ? processTable.read(pid) : null;
  }

  #isOurs(process: ProcessSnapshot): boolean {
    if (!hasArgument(process, this.marker)) return false;
    if (hasArgument(process, this.paths.config)) return true;
    // Started by hand, the script names its configuration by another way to the same file.
    return process.args.some((word) => basename(word) === "zoo.cfg" && isSameFile(word, this.paths.config));
  }

  #adopt(process: ProcessSnapshot | null): ProcessSnapshot | null {
    if (process === null) return null;
    this.#last = { pid: process.pid, startTime: process.startTime };
    this.#context.listener.started(this.#last);
    return process;
  }

  #forget(): void {
    if (this.#last !== null) this.#context.listener.gone(this.#last);
    this.#last = null;
  }

  async #removePidFile(): Promise<void> {
    await rm(this.paths.pidFile, { force: true });
    // The lab's own script keeps this record beside it.
    await rm(`${this.paths.pidFile}.started`, { force: true });
  }

  #oneAtATime<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(change, change);
    // The next one waits for this one's end, whatever it is; its failure belongs to its own caller.
    this.#queue = turn.catch(() => {});
    return turn;
  }
}

function isSameFile(path: string, other: string): boolean {
  try {
    return realpathSync(path) === realpathSync(other);
  } catch {
    return false;
  }
}
