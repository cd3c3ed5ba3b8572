import { type Client, isZkError, type Stat } from "@zk/client";
import { joinPath } from "@zk/protocol";
import { type Command, defineCommand } from "../../definition/command.js";
import { argument, flag } from "../../definition/specs.js";
import { hex, isoTime } from "../../output/figures.js";
import { jsonData, utf8OrUndefined } from "../../output/json.js";
import { visible } from "../../output/visible.js";
import { inParallel } from "../../session/in-parallel.js";
import { isEphemeral } from "../../session/node-kind.js";
import { byBytes } from "../../session/walk.js";

interface Member {
  readonly event: "there" | "joined" | "left" | "changed";
  readonly name: string;
  readonly data: Uint8Array | null;
  readonly stat: Stat;
}

export const members: Command = defineCommand({
  name: "members",
  group: "coordination",
  summary: "who is there: the ephemeral znodes of a group, and who comes and goes",
  examples: [
    { command: "zk members /services/api", does: "names, data and sessions" },
    { command: "zk members /services/api --follow --json", does: "and from then on who joins and leaves" },
    { command: "zk create -e /services/api/me '10.0.0.7:8080'", does: "be a member until Ctrl-C" },
  ],
  arguments: { path: argument("the group", "path") },
  options: { follow: flag("go on until Ctrl-C", "f"), all: flag("also znodes that are not ephemeral", "a") },
  exits: [
    [1, "nobody is there"],
    [3, "there is no such group"],
  ],
  output: {
    form: "stream",
    fields: [
      { name: "event", type: "text", means: "there, joined, left or changed" },
      { name: "name", type: "text", means: "the member" },
      {
        name: "data",
        type: "text or null",
        means: "what it says of itself; dataBase64 instead when it is not UTF-8",
      },
      { name: "session", type: "text or null", means: "its session" },
      { name: "since", type: "text", means: "since when it is there" },
    ],
    plain: ["event", "name", "data", "session"],
  },
  async *run(run): AsyncGenerator<Member> {
    const { path } = run.arguments;
    const { signal } = run;
    const client = await run.connect();
    const stream = run.options.follow ? client.watch(path, { recursive: true, signal }) : undefined;
    const known = new Map<string, Member>();
    try {
      await stream?.ready;
      const read = (name: string): Promise<Member | undefined> => readMember(client, path, name, signal);
      const names = [...(await client.getChildren(path, { signal }))].sort(byBytes);
      for await (const member of inParallel(names, 32, read)) {
        if (member === undefined || !(run.options.all || isEphemeral(member.stat))) continue;
        known.set(member.name, member);
        yield member;
      }
      if (stream === undefined) {
        if (known.size === 0) {
          run.note("nobody is there");
          run.endWith(1);
        }
        return;
      }
      for await (const change of stream) {
        const name = change.path.slice(path === "/" ? 1 : path.length + 1);
        if (change.path === path || name.includes("/")) continue;
        const before = known.get(name);
        const after = change.stat === null ? undefined : await read(name);
        if (after === undefined) {
          known.delete(name);
          if (before !== undefined) yield { ...before, event: "left" };
        } else if (run.options.all || isEphemeral(after.stat)) {
          known.set(name, after);
          // The same name with another creation is another member.
          const isNew = before === undefined || before.stat.czxid !== after.stat.czxid;
          if (isNew && before !== undefined) yield { ...before, event: "left" };
          yield { ...after, event: isNew ? "joined" : "changed" };
        }
      }
    } finally {
      stream?.close();
    }
  },
  human({ event, name, data, stat }, screen) {
    const mark = { there: " ", joined: "+", left: "-", changed: "~" }[event];
    const colour = { there: "dim", joined: "green", left: "red", changed: "yellow" } as const;
    const says = data === null ? "" : `  ${visible(utf8OrUndefined(data) ?? `${data.length} bytes`)}`;
    // First what is equally wide everywhere: the lines of a stream cannot wait for each other.
    const session = (isEphemeral(stat) ? hex(stat.ephemeralOwner) : "-").padEnd(18);
    screen.line(
      `${screen.paint(colour[event], mark)} ${screen.paint("dim", session)}  ${visible(name)}${says}`,
    );
  },
  plain: ({ event, name, data, stat }) => [
    [
      event,
      name,
      data === null ? null : (utf8OrUndefined(data) ?? null),
      isEphemeral(stat) ? hex(stat.ephemeralOwner) : null,
    ],
  ],
  json: ({ event, name, data, stat }) => ({
    event,
    name,
    ...jsonData(data),
    session: isEphemeral(stat) ? hex(stat.ephemeralOwner) : null,
    since: isoTime(stat.ctime),
  }),
});

async function readMember(
  client: Client,
  path: string,
  name: string,
  signal: AbortSignal,
): Promise<Member | undefined> {
  try {
    return { event: "there", name, ...(await client.getData(joinPath(path, name), { signal })) };
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return undefined;
    throw error;
  }
}
