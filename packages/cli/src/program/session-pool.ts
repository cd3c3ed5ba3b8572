/** The sessions of a run. A shell keeps one over many commands. */
import type { Client } from "@zk/client";
import type { CommandIo } from "../definition/command.js";
import { readAll } from "../input/value.js";
import { connectionStringOf, openSession } from "../session/open-session.js";
import { readCredentials } from "../settings/secrets.js";
import type { Settings } from "../settings/settings.js";

/** Opens each session once. */
export class SessionPool {
  readonly #open = new Map<string, Promise<Client>>();
  readonly #nowMs: () => number = () => performance.now();

  /** @throws ZkError, UsageError; the signal's reason */
  async connect(
    settings: Settings,
    io: CommandIo,
    signal: AbortSignal,
    warn: (line: string) => void,
    beganMs: number,
  ): Promise<Client> {
    const key = JSON.stringify([connectionStringOf(settings), settings.auth, settings.readOnly]);
    const standing = await this.#open.get(key);
    if (standing !== undefined && !["expired", "authFailed", "closed", "idle"].includes(standing.state))
      return standing;
    const opening = this.#begin(settings, io, signal, warn, beganMs);
    this.#open.set(key, opening);
    opening.catch(() => this.#open.delete(key));
    return opening;
  }

  /** The session that is open for these settings, if there is one. */
  async find(settings: Settings): Promise<Client | undefined> {
    const key = JSON.stringify([connectionStringOf(settings), settings.auth, settings.readOnly]);
    return await this.#open.get(key)?.catch(() => undefined);
  }

  /** Ends all sessions. Never rejects. */
  async close(): Promise<void> {
    const opened = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(opened.map((each) => each.then((client) => client.close()).catch(() => {})));
  }

  async #begin(
    settings: Settings,
    io: CommandIo,
    signal: AbortSignal,
    warn: (line: string) => void,
    beganMs: number,
  ): Promise<Client> {
    const credentials = await readCredentials(settings.auth, {
      env: io.env,
      readStdin: () => readAll(io.stdin, signal),
      warn,
    });
    if (settings.timeoutMs === undefined) return await openSession(settings, { credentials, signal });
    // A little less than the whole time, so that the failure says of each server why it would not do.
    const leftMs = Math.max(1, (settings.timeoutMs - (this.#nowMs() - beganMs)) * 0.95);
    return await openSession(settings, { credentials, signal, connectLimitMs: leftMs });
  }
}
