/**
 * The tiny detached process that ends an ensemble's servers when this process dies without doing so.
 *
 * It holds the other end of a pipe of ours: however we end, the system closes the pipe and the watchdog wakes up. It
 * has its own session, so no Ctrl-C and no signal to our process group reaches it. See `bin/watchdog.mjs`, and
 * `bin/container-watchdog.mjs` for servers that are containers.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { EngineAddress } from "../docker/engine-address.js";
import type { ProcessIdentity } from "./process-table.js";

/** How to recognise the servers of an ensemble among all processes. */
export interface WatchedServer {
  /** Word of a server's command line: `-Dzk.lab=NAME/ID`. */
  readonly marker: string;
  /** Path of its configuration file, also a word of the command line. */
  readonly config: string;
  /** Path of its control script. */
  readonly script: string;
}

/** What the watchdog of containers is told of its ensemble. */
export interface WatchedContainers {
  /** Where the engine listens. */
  readonly address: EngineAddress;
  /** `KEY=VALUE` of everything that is to go. */
  readonly label: string;
  /** Whether what the servers have stored stays. */
  readonly keepsVolumes: boolean;
  /** Folders that it removes after it had to end the servers. */
  readonly remove: readonly string[];
}

/** What the watchdog of processes is told of its ensemble. */
export interface WatchedProcesses {
  readonly servers: readonly WatchedServer[];
  /** Folders that it removes after it had to end the servers. */
  readonly remove: readonly string[];
}

/** Restarts of a watchdog that something else has ended. */
export const watchdogRestartsMax = 3;

/** Keeps one watchdog process told and alive until {@link Watchdog.release}. */
export class Watchdog {
  readonly #program: string;
  readonly #ensemble: object;
  readonly #watched = new Map<number, ProcessIdentity>();
  #child: ChildProcess | null = null;
  #restarts = 0;
  #isReleased = false;

  private constructor(program: string, ensemble: object) {
    // The same place seen from src/process and from dist/process.
    this.#program = fileURLToPath(new URL(`../../bin/${program}`, import.meta.url));
    this.#ensemble = ensemble;
  }

  static ofProcesses(ensemble: WatchedProcesses): Watchdog {
    return new Watchdog("watchdog.mjs", ensemble);
  }

  static ofContainers(ensemble: WatchedContainers): Watchdog {
    return new Watchdog("container-watchdog.mjs", ensemble);
  }

  /** Starts the process. Call before the first server is started. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, ["--max-old-space-size=32", this.#program], {
      cwd: "/",
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      env: { PATH: process.env["PATH"] },
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    this.#child = child;
    // A watchdog that is gone shows as a broken pipe; the exit handler below deals with it.
    child.stdin?.on("error", () => {});
    child.once("exit", () => this.#restart());
    // Neither the process nor the pipe may keep our own process alive.
    child.unref();
    (child.stdin as unknown as { unref?(): void } | null)?.unref?.();
    this.#tell({ ensemble: this.#ensemble });
    for (const identity of this.#watched.values()) this.#tell({ watch: identity });
  }

  /** The watchdog's own process id, for tests and for `lab doctor`. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  watch(identity: ProcessIdentity): void {
    this.#watched.set(identity.pid, { pid: identity.pid, startTime: identity.startTime });
    this.#tell({ watch: identity });
  }

  unwatch(identity: ProcessIdentity): void {
    this.#watched.delete(identity.pid);
    this.#tell({ unwatch: identity.pid });
  }

  /** The servers are down: lets the watchdog go. */
  release(): void {
    this.#isReleased = true;
    this.#tell({ release: true });
    this.#child?.stdin?.end();
    this.#child = null;
  }

  #tell(message: object): void {
    this.#child?.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  #restart(): void {
    this.#child = null;
    if (this.#isReleased || this.#restarts >= watchdogRestartsMax) return;
    this.#restarts++;
    // Without a watchdog the ensemble still works; only the death of this process would then leave servers behind.
    this.start().catch(() => {});
  }
}
