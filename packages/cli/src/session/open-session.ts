/** Opens the session of a command: quick to say that nobody is there, patient with servers that are electing. */
import { isIP } from "node:net";
import { type AuthOption, type Client, createClient, type Ports, systemPorts, ZkError } from "@zk/client";
import type { Settings } from "../settings/settings.js";

/** Milliseconds that a first session may take, unless `--timeout` is shorter. */
export const CONNECT_LIMIT_MS = 15_000;
/** Fruitless rounds over all servers, each refusing outright, after which waiting is pointless. */
const REFUSED_ROUNDS = 2;

/** What a session needs besides the settings. */
export interface OpenOptions {
  readonly credentials: readonly AuthOption[];
  readonly signal: AbortSignal;
  readonly connectLimitMs?: number;
}

/**
 * What loads slowly is loaded when it is needed: the name service for names only, and for the order in which servers are
 * tried any chance will do. Names of protected znodes still come from the system's generator.
 */
const QUICK_PORTS: Partial<Ports> = {
  resolver: {
    resolve: (host) => (isIP(host) === 0 ? systemPorts.resolver.resolve(host) : Promise.resolve([host])),
  },
  randomness: {
    seed: () => Math.floor(Math.random() * 0x1_0000_0000) | 0,
    uuid: () => systemPorts.randomness.uuid(),
  },
};

/** The connection string of the settings, chroot included. */
export function connectionStringOf(settings: Pick<Settings, "servers" | "chroot">): string {
  return settings.chroot === "/" ? settings.servers : settings.servers + settings.chroot;
}

/** @throws ZkError CONNECT_TIMEOUT, AUTH_FAILED, INVALID_ARGUMENT; the signal's reason */
export async function openSession(settings: Settings, options: OpenOptions): Promise<Client> {
  const client = createClient(connectionStringOf(settings), {
    sessionTimeoutMs: settings.sessionTimeoutMs,
    operationTimeoutMs: settings.timeoutMs ?? 30_000,
    closeTimeoutMs: 2_000,
    auth: options.credentials,
    readOnly: settings.readOnly,
    ports: QUICK_PORTS,
  });
  const refusals = new Refusals(settings.servers.split(",").length);
  client.on("diagnostic", (event) => {
    if (event.type === "attemptFailed") refusals.add(event.server, event.reason);
  });
  const limitMs = Math.min(
    options.connectLimitMs ?? CONNECT_LIMIT_MS,
    settings.timeoutMs ?? Number.POSITIVE_INFINITY,
  );
  const signal = AbortSignal.any([options.signal, refusals.signal]);
  try {
    await client.connect({ timeoutMs: limitMs, signal });
    return client;
  } catch (error) {
    await client.close();
    options.signal.throwIfAborted();
    if (refusals.signal.aborted) {
      throw new ZkError({ code: "CONNECT_TIMEOUT", message: `no server lets us in: ${refusals.describe()}` });
    }
    throw error;
  }
}

/** Notices that every server refuses outright: the port is closed, the name does not exist. */
class Refusals {
  readonly #controller = new AbortController();
  readonly #servers: number;
  readonly #reasons = new Map<string, { count: number; reason: string }>();

  constructor(servers: number) {
    this.#servers = servers;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  add(server: string, reason: string): void {
    if (!/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/.test(reason)) {
      // One that answers in any way may yet let us in.
      this.#reasons.set(server, { count: Number.NEGATIVE_INFINITY, reason });
      return;
    }
    const { count } = this.#reasons.get(server) ?? { count: 0 };
    this.#reasons.set(server, { count: count + 1, reason });
    const refused = [...this.#reasons.values()].filter((each) => each.count >= REFUSED_ROUNDS);
    if (refused.length >= this.#servers) this.#controller.abort(new Error("refused"));
  }

  describe(): string {
    return [...this.#reasons].map(([server, { reason }]) => `${server} (${reason})`).join(", ");
  }
}
