import type { ClientConnection } from "@zk/protocol";
import { parseCons } from "@zk/protocol";
import { type Command, defineCommand } from "../../definition/command.js";
import { count, duration, flag } from "../../definition/specs.js";
import { lookAtServers } from "../../operating/look.js";
import { type EnsembleFacts, lagOf, type ServerFacts } from "../../operating/server-facts.js";
import { hex } from "../../output/figures.js";
import type { Screen } from "../../output/screen.js";
import { visible } from "../../output/visible.js";
import type { ServerConnection } from "../../session/servers.js";
import { jsonEnsemble, latency, STATE_COLOURS } from "./status.js";

interface Client {
  readonly server: string;
  readonly connection: ClientConnection;
}

interface Snapshot {
  readonly at: string;
  readonly facts: EnsembleFacts;
  readonly clients: readonly Client[];
  /** Requests a second since the snapshot before, by server. */
  readonly rates: ReadonlyMap<string, number>;
  /** Outstanding requests of the last snapshots, by server. */
  readonly history: ReadonlyMap<string, readonly (number | null)[]>;
  readonly notAsked: readonly string[];
}

const HISTORY = 20;
const BARS = "▁▂▃▄▅▆▇█";

export const top: Command = defineCommand({
  name: "top",
  group: "operating",
  summary: "watch the servers and their busiest clients",
  details: [
    "Servers with mode, lag behind the newest transaction, outstanding requests now and over the last rounds, requests a second and latency; then clients by what waits for them. Where words are whitelisted away the table says which source speaks instead. Keys on a terminal: q ends it, space holds it.",
  ],
  examples: [
    { command: "zk top", does: "until q or Ctrl-C" },
    { command: "zk top --once", does: "one look" },
    { command: "zk top --interval 10 --json >> top.ndjson", does: "one object each time, for later" },
  ],
  arguments: {},
  options: {
    once: flag("one look"),
    interval: duration("TIME", "time between two looks", { short: "i", defaultText: "2" }),
    clients: count("N", 10, "clients that are shown"),
    adminPort: count("PORT", 8080, "port of the admin server; 0 for not asking it", { max: 65_535 }),
  },
  output: {
    form: "stream",
    fields: [
      { name: "at", type: "text", means: "when" },
      { name: "leader", type: "text or null", means: "as zk status has it" },
      { name: "hasQuorum", type: "true or false", means: "as zk status has it" },
      {
        name: "servers",
        type: "list",
        means: "as zk status has it, with requestsPerSecond (null at the first look)",
      },
      {
        name: "clients",
        type: "list",
        means: "server, address, session, queued, received, latencyMaxMs, lastOperation",
      },
      { name: "notAsked", type: "list", means: "what a server did not answer" },
    ],
  },
  async *run(run): AsyncGenerator<Snapshot> {
    const intervalMs = run.options.interval ?? 2_000;
    const history = new Map<string, (number | null)[]>();
    let before: { readonly atMs: number; readonly received: ReadonlyMap<string, number> } | undefined;
    const keys =
      run.io.stdin.isTTY === true &&
      run.io.stdout.isTTY === true &&
      !run.options.once &&
      !run.isJson &&
      !run.isPlain
        ? new Keys(run.io.stdin)
        : undefined;
    try {
      for (;;) {
        const facts = await lookAtServers(run, run.options.adminPort);
        const atMs = performance.now();
        const notAsked: string[] = [];
        const clients = await clientsOf(run, notAsked);
        const received = new Map(
          facts.servers.flatMap((each): [string, number][] =>
            each.received === null ? [] : [[each.server, each.received]],
          ),
        );
        const rates = new Map<string, number>();
        if (before !== undefined) {
          for (const [server, now] of received) {
            const then = before.received.get(server);
            if (then !== undefined && now >= then)
              rates.set(server, ((now - then) * 1000) / (atMs - before.atMs));
          }
        }
        before = { atMs, received };
        for (const { server, outstanding } of facts.servers)
          history.set(server, [...(history.get(server) ?? []), outstanding].slice(-HISTORY));
        yield {
          at: new Date().toISOString(),
          facts,
          clients: clients.slice(0, run.options.clients),
          rates,
          history,
          notAsked,
        };
        if (run.options.once || keys?.isOver) return;
        await pause(intervalMs, run.signal, keys);
        if (keys?.isOver) return;
      }
    } finally {
      keys?.close();
    }
  },
  human(snapshot, screen, run) {
    if (screen.isTerminal && !run.options.once) screen.write("\u001b[H\u001b[2J");
    screen.line(
      `${screen.paint("bold", run.settings.context ?? run.settings.servers)}  ${screen.paint("dim", snapshot.at)}`,
    );
    printServers(snapshot, screen);
    screen.line();
    screen.table(
      ["CLIENT", "SESSION", "SERVER", "QUEUED", "RECV", "MAXLAT", "LAST"],
      snapshot.clients.map(({ server, connection }) => [
        `${connection.address}:${connection.port}`,
        connection.sessionId === null ? "-" : hex(connection.sessionId),
        server,
        shown(connection.queued),
        shown(connection.packetsReceived),
        shown(connection.latencyMaxMs),
        visible(connection.lastOperation ?? "-"),
      ]),
      [3, 4, 5],
    );
    for (const line of snapshot.notAsked) screen.line(screen.paint("dim", visible(line)));
  },
  json: ({ at, facts, clients, rates, notAsked }) => {
    const ensemble = jsonEnsemble(facts) as {
      leader: unknown;
      hasQuorum: unknown;
      servers: readonly Record<string, unknown>[];
    };
    return {
      at,
      leader: ensemble.leader,
      hasQuorum: ensemble.hasQuorum,
      servers: ensemble.servers.map((each) => ({
        ...each,
        requestsPerSecond: rates.has(String(each["server"]))
          ? Math.round(rates.get(String(each["server"])) ?? 0)
          : null,
      })),
      clients: clients.map(({ server, connection }) => ({
        server,
        address: `${connection.address}:${connection.port}`,
        session: connection.sessionId === null ? null : hex(connection.sessionId),
        queued: connection.queued,
        received: connection.packetsReceived,
        latencyMaxMs: connection.latencyMaxMs,
        lastOperation: connection.lastOperation,
      })),
      notAsked,
    };
  },
});

function printServers({ facts, rates, history }: Snapshot, screen: Screen): void {
  screen.table(
    ["SERVER", "STATE", "MODE", "LAG", "OUTST", "", "REQ/S", "CONNS", "LATENCY", "SOURCE"],
    facts.servers.map((each) => [
      each.server,
      screen.paint(STATE_COLOURS[each.state], each.state),
      each.mode ?? "-",
      shownLag(each, facts),
      shown(each.outstanding),
      sparkline(history.get(each.server) ?? []),
      rates.has(each.server) ? String(Math.round(rates.get(each.server) ?? 0)) : "-",
      shown(each.connections),
      latency(each),
      each.source,
    ]),
    [3, 4, 6, 7],
  );
  for (const { server, why } of facts.servers)
    if (why !== null) screen.line(screen.paint("dim", `${server}: ${visible(why)}`));
}

function shownLag(each: ServerFacts, facts: EnsembleFacts): string {
  const lag = lagOf(each, facts.servers);
  return lag === null ? "-" : String(lag);
}

/** Small bars, the highest value the full height; nothing where nothing is known. */
export function sparkline(values: readonly (number | null)[]): string {
  const most = values.reduce<number>((max, value) => Math.max(max, value ?? 0), 1);
  return values
    .map((value) =>
      value === null ? " " : BARS[Math.min(BARS.length - 1, Math.floor((value / most) * (BARS.length - 1)))],
    )
    .join("");
}

function shown(value: number | null): string {
  return value === null ? "-" : String(value);
}

/** Clients of all servers, those with most waiting first. */
async function clientsOf(
  run: { servers(): Promise<readonly ServerConnection[]> },
  notAsked: string[],
): Promise<Client[]> {
  const servers = await run.servers();
  const all = await Promise.all(
    servers.map(async (server): Promise<Client[]> => {
      const answer = await server.ask("cons");
      if (answer.kind === "notAllowed")
        notAsked.push(`${server.name}: cons is not on its whitelist, so its clients are not known`);
      if (answer.kind !== "answer") return [];
      const parsed = parseCons(answer.text);
      return parsed.serving
        ? parsed.connections
            // Without a session it is a question such as ours.
            .filter(({ sessionId }) => sessionId !== null)
            .map((connection) => ({ server: server.name, connection }))
        : [];
    }),
  );
  const weight = ({ connection }: Client): number =>
    (connection.queued ?? 0) * 1e9 + (connection.packetsReceived ?? 0);
  return all.flat().sort((one, other) => weight(other) - weight(one));
}

/** Resolves when the time is over and nothing holds it. Rejects with the signal's reason. */
function pause(ms: number, signal: AbortSignal, keys: Keys | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      resolve();
    };
    let timer = setTimeout(function look() {
      if (keys?.isHeld && !keys.isOver) timer = setTimeout(look, 100);
      else done();
    }, ms);
    if (keys !== undefined) keys.onOver = done;
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** Keys as they are pressed. */
class Keys {
  isOver = false;
  isHeld = false;
  onOver: () => void = () => {};
  readonly #stdin: NodeJS.ReadStream;
  readonly #onData = (chunk: Buffer): void => {
    for (const key of chunk.toString("latin1")) {
      if (key === "q" || key === "\u0004") {
        this.isOver = true;
        this.onOver();
      }
      if (key === " ") this.isHeld = !this.isHeld;
      // In raw mode Ctrl-C is a key like any other.
      if (key === "\u0003") process.kill(process.pid, "SIGINT");
    }
  };

  constructor(stdin: NodeJS.ReadableStream) {
    this.#stdin = stdin as NodeJS.ReadStream;
    this.#stdin.setRawMode?.(true);
    this.#stdin.on("data", this.#onData);
    this.#stdin.resume();
  }

  close(): void {
    this.#stdin.off("data", this.#onData);
    this.#stdin.setRawMode?.(false);
    this.#stdin.pause();
  }
}
