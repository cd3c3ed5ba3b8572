import { type Client, isZkError } from "@zk/client";
import { joinPath, parseCons } from "@zk/protocol";
import { type Inspection, inspect } from "@zk/recipes";
import { type Command, defineCommand } from "../../definition/command.js";
import { argument, text } from "../../definition/specs.js";
import { confirm } from "../../input/confirm.js";
import { hex, hostPort, isoTime } from "../../output/figures.js";
import { visible } from "../../output/visible.js";
import { CliError } from "../../program/errors.js";
import { ExitCode } from "../../program/exit-codes.js";
import type { ServerConnection } from "../../session/servers.js";

interface Standing {
  readonly place: number;
  readonly role: "holder" | "waiter" | "reader";
  readonly node: string;
  readonly session: string;
  readonly since: string;
  readonly data: string;
  readonly address: string | null;
  readonly server: string | null;
}

export const lockList: Command = defineCommand({
  name: "lock ls",
  group: "coordination",
  isPaged: true,
  summary: "show who holds a lock, a semaphore or an election, and who waits for it, in order",
  details: [
    "Locks of Curator, kazoo and others are understood as well. Addresses come from cons; where a server does not answer it they are missing.",
  ],
  examples: [{ command: "zk lock ls /locks/nightly", does: "holder first, with session, client and server" }],
  arguments: { path: argument("the lock", "path") },
  options: {},
  exits: [
    [1, "nobody holds it"],
    [3, "there is no such lock"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "the lock" },
      {
        name: "kind",
        type: "text",
        means: "lock, readWriteLock, semaphore, latch, or none when nobody is there",
      },
      {
        name: "line",
        type: "list",
        means: "place, role (holder, reader, waiter), node, session, since, data, address and server of each",
      },
    ],
    plain: ["place", "role", "node", "session", "address", "data"],
  },
  async run(run) {
    const { path } = run.arguments;
    const client = await run.connect();
    const { kind, line } = await standing(client, path, await run.servers(), run.signal);
    if (line.length === 0) run.endWith(1);
    return { path, kind, line };
  },
  human({ line }, screen, run) {
    if (line.length === 0) return run.note("nobody holds it");
    screen.table(
      ["", "ROLE", "SESSION", "SINCE", "CLIENT", "SERVER", "DATA", "NODE"],
      line.map((each) => [
        String(each.place),
        screen.paint(each.role === "waiter" ? "dim" : "green", each.role),
        each.session,
        each.since,
        each.address ?? "-",
        each.server ?? "-",
        visible(each.data),
        visible(each.node),
      ]),
      [0],
    );
  },
  plain: ({ line }) =>
    line.map((each) => [each.place, each.role, each.node, each.session, each.address, each.data]),
});

export const lockBreak: Command = defineCommand({
  name: "lock break",
  group: "coordination",
  summary: "take a lock from its holder, who is told nothing but that it is gone",
  details: [
    "The holder's znode is deleted. A holder that still works does so without the lock until it looks: zk lock notices at once and stops its command. Ask the holder first: zk lock ls shows who it is.",
  ],
  examples: [{ command: "zk lock break /locks/nightly --confirm /locks/nightly", does: "from a script" }],
  arguments: { path: argument("the lock", "path") },
  options: {
    node: text("NODE", "whose hold, where several have one, as zk lock ls names it; default the first"),
    confirm: text("PATH", "answer with the path of the lock"),
  },
  writes: true,
  exits: [
    [1, "nobody holds it"],
    [2, "it was not confirmed"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "the lock" },
      { name: "broken", type: "object or null", means: "who held it: as in zk lock ls" },
    ],
    plain: ["node"],
  },
  async run(run) {
    const { path } = run.arguments;
    const client = await run.connect();
    const { line } = await standing(client, path, await run.servers(), run.signal);
    const wanted = run.options.node;
    const holder = line.find(({ node, role }) => role !== "waiter" && (wanted ?? node) === node);
    if (holder === undefined && wanted !== undefined)
      throw new CliError("NOT_HELD", ExitCode.FALSE, `${visible(wanted)} holds nothing of ${visible(path)}`);
    if (holder === undefined) {
      run.endWith(1);
      return { path, broken: null };
    }
    const question = `Take ${visible(path)} from ${holder.address ?? "its holder"} (session ${holder.session}, since ${holder.since}, ${JSON.stringify(holder.data)})?`;
    await confirm(
      { degree: "path", path, question },
      { yes: false, confirm: run.options.confirm },
      run.io,
      run.signal,
    );
    try {
      await client.remove(joinPath(path, holder.node), { signal: run.signal });
    } catch (error) {
      // It was given back meanwhile; whoever is next must not lose it.
      if (!isZkError(error, "NO_NODE")) throw error;
      throw new CliError(
        "NOT_HELD",
        ExitCode.FALSE,
        "the holder has given it back meanwhile; nothing was changed",
      );
    }
    return { path, broken: holder };
  },
  human({ path, broken }, _screen, run) {
    run.note(
      broken === null
        ? "nobody holds it"
        : `${visible(path)} was taken from ${broken.address ?? broken.session}`,
    );
  },
  plain: ({ broken }) => (broken === null ? [] : [[broken.node]]),
});

/** Who holds it and who waits, the first holder first. @throws ZkError NO_NODE */
async function standing(
  client: Client,
  path: string,
  servers: readonly ServerConnection[],
  signal: AbortSignal,
): Promise<{ readonly kind: Inspection["kind"]; readonly line: readonly Standing[] }> {
  await client.getChildren(path, { signal });
  const [{ kind, participants }, addresses] = await Promise.all([
    inspect(client, path, { signal }),
    addressesOf(servers),
  ]);
  const line = participants.map((each, index): Standing => {
    const owner = BigInt.asUintN(64, each.sessionId);
    const isReader = each.role === "read";
    return {
      place: index + 1,
      role: each.state === "waits" ? "waiter" : isReader ? "reader" : "holder",
      node: each.path.slice(path === "/" ? 1 : path.length + 1),
      session: hex(owner),
      since: isoTime(BigInt(each.createdMs)),
      data: each.identity ?? "",
      address: addresses.get(owner)?.address ?? null,
      server: addresses.get(owner)?.server ?? null,
    };
  });
  return { kind, line };
}

async function addressesOf(
  servers: readonly ServerConnection[],
): Promise<Map<bigint, { address: string; server: string }>> {
  const found = new Map<bigint, { address: string; server: string }>();
  await Promise.all(
    servers.map(async (server) => {
      const answer = await server.ask("cons");
      const parsed = answer.kind === "answer" ? parseCons(answer.text) : undefined;
      if (parsed?.serving !== true) return;
      for (const { sessionId, address, port } of parsed.connections) {
        if (sessionId !== null)
          found.set(BigInt.asUintN(64, sessionId), { address: hostPort(address, port), server: server.name });
      }
    }),
  );
  return found;
}
