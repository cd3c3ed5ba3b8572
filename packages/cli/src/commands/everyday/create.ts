import { OPEN_ACL_UNSAFE } from "@zk/client";
import { type Command, defineCommand } from "../../definition/command.js";
import { argument, duration, flag, optional, text } from "../../definition/specs.js";
import { parseAcls } from "../../input/acl-text.js";
import { readValue } from "../../input/value.js";
import { kindOf, timeToLive } from "../../input/znode-kind.js";
import { resolvePath } from "../../input/znode-path.js";
import { hex } from "../../output/figures.js";
import { visible } from "../../output/visible.js";
import { UsageError } from "../../program/errors.js";
import { holdSession } from "../hold-session.js";

export const create: Command = defineCommand({
  name: "create",
  group: "everyday",
  summary: "create a znode",
  details: [
    "An ephemeral znode lives as long as the session that made it, and a command's session ends with the command. So -e alone keeps the session, and the command runs until Ctrl-C or --hold is over.",
    "A container goes when its last child has gone. A znode with a time to live goes when it has no children and nobody wrote to it for so long. Servers have them from 3.5 on, look about once a minute, and show them as persistent. An older server is not asked for one, and a time to live must be switched on there: extendedTypesEnabled=true in each zoo.cfg.",
  ],
  examples: [
    { command: "zk create /config", does: "a znode without data" },
    { command: "zk create -p /a/b/c 'x'", does: "with its parents" },
    { command: "zk create -s /queue/item- @job.json", does: "with a number behind it; prints the path" },
    { command: "zk create -e /members/me --hold 1h", does: "there for an hour, or until Ctrl-C" },
    { command: "zk create -c /locks", does: "there until the last of its children has gone" },
    { command: "zk create -t 5m /hint 'x'", does: "there until nobody wrote to it for five minutes" },
    {
      command: "zk create /secret 's' --acl auth::cdrwa --auth-file ~/.zk-auth",
      does: "for the owner alone",
    },
  ],
  arguments: {
    path: argument("the znode", "path"),
    value: optional("a text, - for stdin, @FILE for a file; none for no data"),
    oldAcl: optional("the ACL, as ZooKeeper 3.4 has it"),
  },
  options: {
    sequential: flag("the server puts a number of ten digits behind the name", "s"),
    ephemeral: flag("it goes when the session ends", "e"),
    container: flag("it goes when its last child has gone", "c"),
    ttl: timeToLive,
    parents: flag("create missing parents", "p"),
    acl: text("ACL", "who may do what: SCHEME:ID:cdrwa, with commas between entries"),
    literal: flag("take VALUE as it is, also - and @…"),
    hold: duration("TIME", "with -e: how long to keep the session"),
  },
  writes: true,
  keepsSlash: true,
  exits: [
    [3, "the parent is missing; -p creates it"],
    [4, "it exists already, or its parent is ephemeral"],
    [69, "the servers have no containers, or no times to live"],
  ],
  output: {
    form: "stream",
    fields: [
      { name: "path", type: "text", means: "the znode, with the number that the server gave it" },
      { name: "zxid", type: "text", means: "the transaction that created it" },
    ],
    plain: ["path"],
  },
  async *run(run) {
    const { value, oldAcl } = run.arguments;
    const { options } = run;
    // Only a number behind it makes something of a slash at the end.
    const path = options.sequential ? run.arguments.path : resolvePath(run.arguments.path, undefined);
    const acl = options.acl ?? oldAcl;
    const entries = acl === undefined ? OPEN_ACL_UNSAFE : parseAcls(acl);
    const kind = kindOf(options);
    if (options.hold !== undefined && !options.ephemeral)
      throw new UsageError("--hold keeps the session of an ephemeral znode; give -e");
    const data =
      value === undefined
        ? null
        : await readValue(value, { literal: options.literal }, run.io, run.note, run.signal);
    const client = await run.connect();
    yield await client.create(path, data, {
      ...kind,
      acl: entries,
      createParents: options.parents,
      signal: run.signal,
    });
    if (options.ttl !== undefined && options.ttl < 1000)
      run.note(
        `the znode lives for ${options.ttl} ms: a bare number is milliseconds here, 5s is five seconds`,
      );
    if (options.ephemeral && !run.isShell) await holdSession(client, run, options.hold);
  },
  human: ({ path }, screen) => screen.line(visible(path)),
  plain: ({ path }) => [[path]],
  json: ({ path, zxid }) => ({ path, zxid: hex(zxid) }),
});
