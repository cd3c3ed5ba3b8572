import { Barrier, DoubleBarrier } from "@zk/recipes";
import { type Command, defineCommand } from "../../definition/command.js";
import { argument, choice, duration, whole } from "../../definition/specs.js";
import { visible } from "../../output/visible.js";
import { UsageError } from "../../program/errors.js";

export const barrier: Command = defineCommand({
  name: "barrier",
  group: "coordination",
  summary: "a gate that holds everybody back, or a meeting of so many",
  details: [
    "close and open are the gate's; wait returns when it is open. enter --members N returns when N have entered: a meeting, whose members leave when their command ends. The layouts are those of Curator.",
  ],
  examples: [
    { command: "zk barrier close /deploy", does: "nobody passes" },
    {
      command: "zk barrier wait /deploy -w 10m && ./go",
      does: "until it is open; exit 1 when it took too long",
    },
    { command: "zk barrier open /deploy", does: "go" },
    { command: "zk barrier enter /start --members 3 && ./go", does: "when three are here" },
  ],
  arguments: { word: argument("close, open, wait, status or enter"), path: argument("the barrier", "path") },
  options: {
    wait: duration("TIME", "how long to wait at most", { short: "w" }),
    members: whole("N", "with enter: how many have to be here", { min: 1 }),
    ack: choice(["leave", "stay"], "leave", "with enter: leave when all are here, or stay until all leave"),
  },
  writes: (run) => ["close", "open", "enter"].includes(run.arguments.word),
  exits: [[1, "wait, enter: not in time; status: it is closed"]],
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "the barrier" },
      { name: "state", type: "text", means: "open, closed or entered" },
    ],
    plain: ["state"],
  },
  async run(run) {
    const { word, path } = run.arguments;
    const { options, signal } = run;
    const limit = { signal, ...(options.wait === undefined ? {} : { timeoutMs: options.wait }) };
    const client = await run.connect();
    if (word === "enter") {
      if (options.members === undefined) throw new UsageError("enter needs --members N");
      const member = await new DoubleBarrier(client, path, { members: options.members }).enter(limit);
      if (options.ack === "stay") await member.leave(limit);
      else await member.release();
      return { path, state: "entered" };
    }
    const gate = new Barrier(client, path);
    switch (word) {
      case "close":
        await gate.close(limit);
        return { path, state: "closed" };
      case "open":
        await gate.open(limit);
        return { path, state: "open" };
      case "wait":
        await gate.wait(limit);
        return { path, state: "open" };
      case "status": {
        const isClosed = await gate.isClosed(limit);
        if (isClosed) run.endWith(1);
        return { path, state: isClosed ? "closed" : "open" };
      }
      default:
        throw new UsageError(
          `there is no ${JSON.stringify(word)} of a barrier`,
          "close, open, wait, status or enter",
        );
    }
  },
  human: ({ path, state }, screen, run) => {
    if (run.arguments.word === "status") screen.line(state);
    else run.note(`${visible(path)} is ${state}`);
  },
  plain: ({ state }) => [[state]],
});
