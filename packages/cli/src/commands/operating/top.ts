import type { ClientConnection } from "@zk/protocol";
import { parseCons } from "@zk/protocol";
import { type Command, defineCommand } from "../../definition/command.js";
import { count, duration, flag } from "../../definition/specs.js";
import { type Key, Keys, nextKey } from "../../operating/keys.js";
import { lookAtServers } from "../../operating/look.js";
import { type EnsembleFacts, lagOf, type ServerFacts } from "../../operating/server-facts.js";
import { lookUpSession, type SessionFacts } from "../../operating/session-facts.js";
import { hex, hostPort } from "../../output/figures.js";
import type { Screen } from "../../output/screen.js";
import { visible } from "../../output/visible.js";
import type { ServerConnection } from "../../session/servers.js";
import { jsonEnsemble, latency, STATE_COLOURS } from "./status.js";
import { printSession } from "./who.js";

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
  /** What somebody at the terminal has chosen; undefined where nobody can choose. */
  readonly view: View | undefined;
}

/** What is shown. */
interface View {
  readonly isHeld: boolean;
  readonly isHelp: boolean;
  /** The session that the mark stands at; undefined: the first one. */
  readonly chosen: bigint | undefined;
  /** What was asked of it; undefined while all clients are shown. */
  readonly session: SessionFacts | undefined;
}

const START: View = { isHeld: false, isHelp: false, chosen: undefined, session: undefined };

const KEYS_HELP = [
  "up, down   choose a client; also k and j",
  "Enter      its session: ephemerals and watches (its server lists all watches that it has for that)",
  "Esc        back",
  "space      hold what is shown; again: go on",
  "r          forget the figures so far: rates and bars begin anew",
  "h          these lines; again: back",
  "q          end, as Ctrl-C does",
];

const HISTORY = 20;
const BARS = "▁▂▃▄▅▆▇█";

export const top: Command = defineCommand({
  name: "top",
  group: "operating",
  summary: "watch the servers and their busiest clients",
  details: [
    "Servers with mode, lag behind the newest transaction, outstanding requests now and over the last rounds, requests a second and latency; then clients by what waits for them. Where words are whitelisted away the table says which source speaks instead. Keys on a terminal: the arrows choose a client and Enter shows its ephemerals and watches, h lists the keys, r forgets the figures so far, space holds it, q ends it.",
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
    const figures = new Figures();
    const keys =
      run.io.stdin.isTTY === true &&
      run.io.stdout.isTTY === true &&
      !run.options.once &&
      !run.isJson &&
      !run.isPlain
        ? new Keys(run.io.stdin)
        : undefined;
    let view: View | undefined = keys === undefined ? undefined : START;
    try {
      for (;;) {
        const facts = await lookAtServers(run, run.options.adminPort);
        const notAsked: string[] = [];
        const all = await clientsOf(run, notAsked);
        const snapshot = {
          at: new Date().toISOString(),
          facts,
          clients: all.slice(0, run.options.clients),
          ...figures.add(facts),
          notAsked,
        };
        const nextMs = performance.now() + intervalMs;
        yield { ...snapshot, view };
        if (run.options.once) return;
        // A key changes what is shown of this look; only a session is asked for anew.
        for (;;) {
          const waitMs = view?.isHeld === true ? Number.POSITIVE_INFINITY : nextMs - performance.now();
          const key = await nextKey(keys, waitMs, run.signal);
          if (key === undefined || view === undefined) break;
          if (key === "quit") return;
          if (key === "reset") figures.reset();
          view = await turned(view, key, snapshot.clients, run);
          yield { ...snapshot, ...(key === "reset" ? figures.add(facts) : {}), view };
        }
      }
    } finally {
      keys?.close();
    }
  },
  human(snapshot, screen, run) {
    const { view, at, clients, notAsked } = snapshot;
    if (screen.isTerminal && !run.options.once) screen.write("\u001b[H\u001b[2J");
    screen.line(
      `${screen.paint("bold", run.settings.context ?? run.settings.servers)}  ${screen.paint("dim", at)}${view?.isHeld === true ? screen.paint("yellow", "  held") : ""}`,
    );
    if (view?.isHelp === true) {
      screen.line();
      for (const line of KEYS_HELP) screen.line(line);
      return;
    }
    if (view?.session !== undefined) {
      screen.line();
      printSession(view.session, screen);
      for (const line of view.session.notAsked) screen.line(screen.paint("dim", visible(line)));
      screen.line();
      screen.line(screen.paint("dim", "Enter asks again, Esc goes back"));
      return;
    }
    printServers(snapshot, screen);
    screen.line();
    const mark = (index: number): string[] =>
      view === undefined ? [] : [index === placeOf(view, clients) ? ">" : ""];
    screen.table(
      [...mark(-1), "CLIENT", "SESSION", "SERVER", "QUEUED", "RECV", "MAXLAT", "LAST"],
      clients.map(({ server, connection }, index) => [
        ...mark(index),
        hostPort(connection.address, connection.port),
        connection.sessionId === null ? "-" : hex(connection.sessionId),
        server,
        shown(connection.queued),
        shown(connection.packetsReceived),
        shown(connection.latencyMaxMs),
        visible(connection.lastOperation ?? "-"),
      ]),
      view === undefined ? [3, 4, 5] : [4, 5, 6],
    );
    for (const line of notAsked) screen.line(screen.paint("dim", visible(line)));
    if (view !== undefined) screen.line(screen.paint("dim", "h: keys, Enter: the client, q: end"));
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
        address: hostPort(connection.address, connection.port),
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

/** What only several looks tell: rates, and how it was before. */
class Figures {
  #history = new Map<string, readonly (number | null)[]>();
  #before: { readonly atMs: number; readonly received: ReadonlyMap<string, number> } | undefined;

  reset(): void {
    this.#history = new Map();
    this.#before = undefined;
  }

  add({ servers }: EnsembleFacts): Pick<Snapshot, "rates" | "history"> {
    const atMs = performance.now();
    const received = new Map(
      servers.flatMap((each): [string, number][] =>
        each.received === null ? [] : [[each.server, each.received]],
      ),
    );
    const rates = new Map<string, number>();
    const before = this.#before;
    if (before !== undefined) {
      for (const [server, now] of received) {
        const then = before.received.get(server);
        if (then !== undefined && now >= then)
          rates.set(server, ((now - then) * 1000) / (atMs - before.atMs));
      }
    }
    this.#before = { atMs, received };
    for (const { server, outstanding } of servers)
      this.#history.set(server, [...(this.#history.get(server) ?? []), outstanding].slice(-HISTORY));
    return { rates, history: new Map(this.#history) };
  }
}

/** What a key makes of what is shown. */
async function turned(
  view: View,
  key: Exclude<Key, "quit">,
  clients: readonly Client[],
  run: { servers(): Promise<readonly ServerConnection[]> },
): Promise<View> {
  const place = placeOf(view, clients);
  const at = (index: number): bigint | undefined => clients[index]?.connection.sessionId ?? undefined;
  switch (key) {
    case "help":
      return { ...view, isHelp: !view.isHelp };
    case "hold":
      return { ...view, isHeld: !view.isHeld };
    case "back":
      return { ...view, isHelp: false, session: undefined };
    case "reset":
      return view;
    case "up":
      return view.session === undefined ? { ...view, chosen: at(Math.max(0, place - 1)) } : view;
    case "down":
      return view.session === undefined
        ? { ...view, chosen: at(Math.min(clients.length - 1, place + 1)) }
        : view;
    case "enter": {
      const chosen = view.session === undefined ? at(place) : BigInt(view.session.session);
      if (chosen === undefined) return view;
      return {
        ...view,
        isHelp: false,
        chosen,
        session: await lookUpSession(await run.servers(), chosen, true),
      };
    }
  }
}

/** Where the mark stands: at the chosen session, or at the first when that has gone. */
function placeOf({ chosen }: View, clients: readonly Client[]): number {
  return Math.max(
    0,
    clients.findIndex(({ connection }) => connection.sessionId === chosen),
  );
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
