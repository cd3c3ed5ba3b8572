import { type Command, defineCommand } from "../../definition/command.js";
import { count } from "../../definition/specs.js";
import { lookAtServers } from "../../operating/look.js";
import { type EnsembleFacts, lagOf, type ServerFacts } from "../../operating/server-facts.js";
import type { Colour } from "../../output/colour.js";
import { hex } from "../../output/figures.js";
import type { Screen } from "../../output/screen.js";
import { visible } from "../../output/visible.js";

export const STATE_COLOURS: Readonly<Record<ServerFacts["state"], Colour>> = {
  serving: "green",
  "not-serving": "yellow",
  down: "red",
};

export const status: Command = defineCommand({
  name: "status",
  group: "operating",
  summary: "say of each server whether it serves, who leads, and how far each has come",
  details: [
    "Asked are, in this order: mntr and srvr, the admin server of 3.5 and newer, and last a session. The table says which of them answered; a server whose words are whitelisted away is not a dead one.",
  ],
  examples: [
    { command: "zk status", does: "one line a server" },
    { command: "zk status --json | jq -r .leader", does: "who leads" },
    { command: "zk --context prod status || page-someone", does: "by the exit code" },
  ],
  arguments: {},
  options: {
    adminPort: count("PORT", 8080, "port of the admin server (3.5 and newer); 0 for not asking it", {
      max: 65_535,
    }),
  },
  exits: [
    [0, "every server serves"],
    [1, "some do not, but there is a quorum"],
    [6, "none serves"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "leader", type: "text or null", means: "the server that leads, or stands alone" },
      { name: "hasQuorum", type: "true or false", means: "whether any server serves" },
      {
        name: "servers",
        type: "list",
        means:
          "server, source (mntr, srvr, admin, session, none), why, state, mode, version, zxid, lag (transactions), and the figures of its source; null where it does not tell",
      },
    ],
    plain: ["server", "state", "mode", "version", "zxid", "source"],
  },
  async run(run) {
    const facts = await lookAtServers(run, run.options.adminPort);
    if (!facts.hasQuorum) run.endWith(6);
    else if (facts.servers.some(({ state }) => state !== "serving")) run.endWith(1);
    return facts;
  },
  human: (facts, screen, run) => {
    printServers(facts, screen);
    if (facts.leader === null && facts.hasQuorum) run.note("who leads is not known");
  },
  plain: ({ servers }) =>
    servers.map(({ server, state, mode, version, zxid, source }) => [
      server,
      state,
      mode,
      version,
      zxid === null ? null : hex(zxid),
      source,
    ]),
  json: (facts) => jsonEnsemble(facts),
});

export function jsonEnsemble(facts: EnsembleFacts): Record<string, unknown> {
  return {
    leader: facts.leader,
    hasQuorum: facts.hasQuorum,
    servers: facts.servers.map((each) => {
      const lag = lagOf(each, facts.servers);
      return {
        ...each,
        zxid: each.zxid === null ? null : hex(each.zxid),
        lag: lag === null ? null : Number(lag),
        answerMs: each.answerMs === null ? null : Math.round(each.answerMs * 10) / 10,
      };
    }),
  };
}

function printServers(facts: EnsembleFacts, screen: Screen): void {
  const rows = facts.servers.map((each) => {
    const lag = lagOf(each, facts.servers);
    return [
      each.server,
      screen.paint(STATE_COLOURS[each.state], each.state),
      each.mode ?? "-",
      each.version ?? "-",
      each.zxid === null ? "-" : hex(each.zxid),
      lag === null ? "-" : String(lag),
      shown(each.connections),
      shown(each.outstanding),
      latency(each),
      each.source,
    ];
  });
  screen.table(
    ["SERVER", "STATE", "MODE", "VERSION", "ZXID", "LAG", "CONNS", "OUTST", "LATENCY", "SOURCE"],
    rows,
    [5, 6, 7],
  );
  for (const { server, why } of facts.servers)
    if (why !== null) screen.line(screen.paint("dim", `${server}: ${visible(why)}`));
}

function shown(value: number | null): string {
  return value === null ? "-" : String(value);
}

export function latency({ latencyMinMs, latencyAverageMs, latencyMaxMs }: ServerFacts): string {
  if (latencyAverageMs === null) return "-";
  return `${shown(latencyMinMs)}/${shown(Math.round(latencyAverageMs * 10) / 10)}/${shown(latencyMaxMs)}`;
}
