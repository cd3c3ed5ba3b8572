import { type Command, defineCommand } from "../../definition/command.js";
import { count, duration, flag } from "../../definition/specs.js";
import { bySeverity, type Finding, worst } from "../../operating/findings.js";
import { checkLive, LIVE_LIMITS } from "../../operating/live-checks.js";
import { lookAtServers } from "../../operating/look.js";
import type { EnsembleFacts } from "../../operating/server-facts.js";
import { visible } from "../../output/visible.js";
import { TimeUp } from "../../program/errors.js";

const STATES = ["OK", "WARNING", "CRITICAL", "UNKNOWN"] as const;

interface Figures {
  readonly servers: number | null;
  readonly serving: number | null;
  readonly outstanding: number | null;
  readonly latencyMaxMs: number | null;
  readonly sessionMs: number | null;
}

const NO_FIGURES: Figures = {
  servers: null,
  serving: null,
  outstanding: null,
  latencyMaxMs: null,
  sessionMs: null,
};

interface Checked {
  readonly state: (typeof STATES)[number];
  readonly summary: string;
  readonly findings: readonly Finding[];
  readonly figures: Figures;
}

export const check: Command = defineCommand({
  name: "check",
  group: "operating",
  summary: "a probe for monitoring: one line, and exit code 0, 1, 2 or 3",
  details: [
    "As monitoring plugins do: OK, WARNING, CRITICAL, UNKNOWN, figures behind a bar. A session is opened, sync is called and / is read, so that a server which only pretends to serve is found out; --no-session leaves that out.",
  ],
  examples: [
    { command: "zk check", does: "one line" },
    { command: "zk --context prod check --outstanding 50 --timeout 10", does: "with limits of your own" },
    { command: "zk check --json | jq .findings", does: "what is wrong, with evidence and what to do" },
  ],
  arguments: {},
  options: {
    outstanding: count(
      "N",
      LIVE_LIMITS.outstandingWarn,
      "requests waiting above which it warns; critical at 100 times that",
    ),
    latency: duration("TIME", "longest request above which it warns; critical at 30 times that", {
      defaultText: "1",
    }),
    lag: count("N", LIVE_LIMITS.lagWarn, "transactions behind above which it warns"),
    noSession: flag("open no session"),
    adminPort: count("PORT", 8080, "port of the admin server; 0 for not asking it", { max: 65_535 }),
  },
  exits: [
    [0, "healthy"],
    [1, "a warning"],
    [2, "critical"],
    [3, "not known: the servers could not be looked at within --timeout"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "state", type: "text", means: "OK, WARNING, CRITICAL or UNKNOWN" },
      { name: "summary", type: "text", means: "the line that people get" },
      { name: "findings", type: "list", means: "id, severity, message, evidence, fix, link of each" },
      { name: "figures", type: "object", means: "servers, serving, outstanding, latencyMaxMs, sessionMs" },
    ],
    plain: ["state", "summary"],
  },
  async run(run): Promise<Checked> {
    const { outstanding, lag, noSession, adminPort } = run.options;
    const latencyWarnMs = run.options.latency ?? LIVE_LIMITS.latencyWarnMs;
    const limits = {
      outstandingWarn: outstanding,
      outstandingCritical: outstanding * 100,
      latencyWarnMs,
      latencyCriticalMs: latencyWarnMs * 30,
      lagWarn: lag,
    };
    let facts: EnsembleFacts;
    try {
      facts = await lookAtServers(run, adminPort);
    } catch (error) {
      if (!(run.signal.reason instanceof TimeUp)) throw error;
      run.endWith(3);
      return { state: "UNKNOWN", summary: run.signal.reason.message, findings: [], figures: NO_FIGURES };
    }
    const findings: Finding[] = checkLive(facts, limits);
    let sessionMs: number | null = null;
    if (!noSession && facts.hasQuorum) {
      const began = performance.now();
      try {
        const client = await run.connect();
        await client.sync("/", { signal: run.signal });
        await client.exists("/", { signal: run.signal });
        sessionMs = Math.round(performance.now() - began);
      } catch (error) {
        // That the time is up before a session was of use is an answer, and no fault of the check.
        if (run.signal.aborted && !(run.signal.reason instanceof TimeUp)) throw run.signal.reason;
        findings.push({
          id: "live.no-session",
          severity: "critical",
          message: "no session can be opened and used",
          evidence: messageOf(run.signal.aborted ? run.signal.reason : error),
          fix: "look at the servers' logs",
          link: null,
        });
      }
    }
    findings.sort(bySeverity);
    const level = { info: 0, warning: 1, critical: 2 }[worst(findings) ?? "info"];
    run.endWith(level);
    const serving = facts.servers.filter(({ state }) => state === "serving").length;
    const most = (values: readonly (number | null)[]): number | null =>
      values.reduce((max, value) => (value !== null && (max === null || value > max) ? value : max), null);
    const figures: Figures = {
      servers: facts.servers.length,
      serving,
      outstanding: most(facts.servers.map((each) => each.outstanding)),
      latencyMaxMs: most(facts.servers.map((each) => each.latencyMaxMs)),
      sessionMs,
    };
    const worstOnes = findings.filter(({ severity }) => severity !== "info");
    const summary =
      worstOnes.length > 0
        ? worstOnes.map(({ message }) => message).join("; ")
        : `${serving} of ${facts.servers.length} servers serve${facts.leader === null ? "" : `, ${facts.leader} leads`}`;
    return { state: STATES[level] ?? "UNKNOWN", summary, findings, figures };
  },
  human({ state, summary, figures }, screen) {
    const colour = state === "OK" ? "green" : state === "WARNING" ? "yellow" : "red";
    const shown = Object.entries(figures).flatMap(([name, value]) =>
      value === null ? [] : [`${name}=${value}${name.endsWith("Ms") ? "ms" : ""}`],
    );
    screen.line(
      `ZOOKEEPER ${screen.paint(colour, state)} - ${visible(summary)}${shown.length === 0 ? "" : ` | ${shown.join(" ")}`}`,
    );
  },
  plain: ({ state, summary }) => [[state, summary]],
});

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
