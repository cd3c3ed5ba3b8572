import { type Command, defineCommand } from "../../definition/command.js";
import { optional } from "../../definition/specs.js";
import { hex } from "../../output/figures.js";

export const sync: Command = defineCommand({
  name: "sync",
  group: "everyday",
  summary: "wait until our server has applied what was committed",
  details: [
    "In a script of single commands each command has a session of its own, maybe with another server; it is in the shell and in zk txn that a sync makes the next read fresh.",
  ],
  examples: [
    { command: "zk sync", does: "and how far the server is" },
    { command: "zk sync /config", does: "the path makes no difference to the server" },
  ],
  arguments: { path: optional("any path; / when none is given", "path") },
  options: {},
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "the path" },
      { name: "zxid", type: "text", means: "the newest transaction that our server has applied" },
      { name: "server", type: "text or null", means: "our server" },
    ],
    plain: ["zxid", "server"],
  },
  async run(run) {
    const { path = "/" } = run.arguments;
    const client = await run.connect();
    await client.sync(path, { signal: run.signal });
    return { path, zxid: hex(client.lastZxid), server: client.server ?? null };
  },
  human: ({ zxid, server }, screen) =>
    screen.line(`${server ?? "the server"} has applied everything up to ${zxid}`),
  plain: ({ zxid, server }) => [[zxid, server]],
});
