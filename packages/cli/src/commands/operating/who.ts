import { type Command, defineCommand } from "../../definition/command.js";
import { argument, flag } from "../../definition/specs.js";
import { lookUpSession, type SessionFacts } from "../../operating/session-facts.js";
import { humanSpan } from "../../output/figures.js";
import type { Screen } from "../../output/screen.js";
import { visible } from "../../output/visible.js";
import { CliError } from "../../program/errors.js";
import { isEphemeral } from "../../session/node-kind.js";
import { parseSessionId } from "../everyday/find.js";

export const who: Command = defineCommand({
  name: "who",
  group: "operating",
  summary: "say whose session it is, or who owns an ephemeral znode",
  details: [
    "The address comes from cons, ephemerals from dump, watches from wchc of each server. wchc makes a server list every watch that it has, so it is asked only with --watches. What a server does not answer is said.",
  ],
  examples: [
    { command: "zk who /brokers/ids/1", does: "which client owns this ephemeral" },
    { command: "zk who 0x14a1c3e2f0001", does: "where this session is connected, and what it owns" },
    { command: "zk who /leader --watches", does: "and what it watches" },
  ],
  arguments: { what: argument("an ephemeral znode, or a session in hexadecimal") },
  options: { watches: flag("what it watches, too: a costly question on servers with very many watches") },
  exits: [
    [1, "no server that answers knows such a session"],
    [3, "there is no such znode"],
    [4, "the znode is not ephemeral"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "session", type: "text", means: "the session, in hexadecimal" },
      { name: "known", type: "true or false", means: "whether a server knows it" },
      { name: "server", type: "text or null", means: "the server that it is connected with" },
      { name: "address", type: "text or null", means: "where the client is" },
      { name: "timeoutMs", type: "number or null", means: "its session timeout" },
      {
        name: "establishedAt",
        type: "text or null",
        means: "since when the connection stands, by the server's clock",
      },
      { name: "lastOperation", type: "text or null", means: "the server's four letters for it" },
      { name: "queued", type: "number or null", means: "requests of it that wait" },
      {
        name: "ephemerals",
        type: "list or null",
        means: "paths, as the servers have them, without a chroot",
      },
      { name: "watches", type: "list or null", means: "paths; null without --watches" },
      { name: "notAsked", type: "list", means: "what a server did not answer" },
    ],
    plain: ["session", "server", "address"],
  },
  async run(run): Promise<SessionFacts> {
    const session = run.arguments.what.startsWith("/")
      ? await ownerOf(run.arguments.what)
      : parseSessionId(run.arguments.what);
    const found = await lookUpSession(await run.servers(), session, run.options.watches);
    const isKnown = found.known || run.arguments.what.startsWith("/");
    if (!isKnown) run.endWith(1);
    return { ...found, known: isKnown };

    async function ownerOf(path: string): Promise<bigint> {
      const client = await run.connect();
      const stat = await client.exists(path, { signal: run.signal });
      if (stat === null) throw new CliError("NO_NODE", 3, `${path} does not exist`);
      if (!isEphemeral(stat))
        throw new CliError("NOT_EPHEMERAL", 4, `${path} is not ephemeral: no session owns it`);
      return stat.ephemeralOwner;
    }
  },
  human(found, screen, run) {
    for (const line of found.notAsked) run.note(visible(line));
    if (!found.known) {
      const isCertain = found.notAsked.length === 0;
      return run.note(
        `${isCertain ? "no server" : "no server that answers"} knows the session ${found.session}`,
      );
    }
    printSession(found, screen);
  },
  plain: ({ session, server, address }) => [[session, server, address]],
});

/** One fact a line, then the paths. */
export function printSession(found: SessionFacts, screen: Screen): void {
  const rows: [string, string | null][] = [
    ["session", found.session],
    ["client", found.address],
    ["server", found.server],
    ["timeout", found.timeoutMs === null ? null : humanSpan(found.timeoutMs)],
    ["since", found.establishedAt],
    ["last operation", found.lastOperation],
    ["queued", found.queued === null ? null : String(found.queued)],
  ];
  for (const [name, value] of rows)
    screen.line(`${screen.paint("dim", name.padEnd(14))}  ${visible(value ?? "not known")}`);
  for (const [name, paths] of [
    ["ephemerals", found.ephemerals],
    ["watches", found.watches],
  ] as const) {
    if (paths === null) continue;
    screen.line(screen.paint("dim", `${name} (${paths.length})`));
    for (const path of paths) screen.line(`  ${visible(path)}`);
  }
}
