/** What the goldens of the commands that look at servers run, by the servers that they look at. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LivingScene, Way } from "./living-run.js";
import { waitUntil } from "./program.js";

/** Three servers that are well; one of them away; the last one alone; one that says nothing of itself. */
export const STATES = ["well", "one away", "alone", "silent"] as const;
export type State = (typeof STATES)[number];

type Scenes = Readonly<Partial<Record<State, readonly LivingScene[]>>>;

const line = (text: string, more: Omit<LivingScene, "line"> = {}): LivingScene => ({ line: text, ...more });
const plainly = (texts: readonly string[]): readonly LivingScene[] => texts.map((text) => line(text));
const PIPE: readonly Way[] = ["pipe"];

const GOOD_CONFIG =
  "dataDir=/var/lib/zookeeper\ndataLogDir=/var/log/zookeeper\nclientPort=2181\nclientPortAddress=10.0.0.1\ninitLimit=10\nsyncLimit=5\nautopurge.purgeInterval=24\nserver.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n";

const config =
  (text: string) =>
  async ({ home }: { readonly home: { readonly path: string } }) =>
    writeFileSync(join(home.path, "zoo.cfg"), text);

export const OPERATING_SCENES: Readonly<Record<string, Scenes>> = {
  status: {
    well: plainly(["status"]),
    "one away": plainly(["status"]),
    alone: plainly(["status"]),
    silent: plainly(["status --admin-port 0"]),
  },
  check: {
    well: plainly(["check --latency 1h", "check --latency 1h --no-session", "check --lag many"]),
    "one away": plainly(["check --latency 1h"]),
    alone: plainly(["check --latency 1h"]),
    silent: plainly(["check --admin-port 0 --no-session"]),
  },
  top: {
    well: [
      line("top --once"),
      line("top --interval 1h", {
        ways: ["pty"],
        during: async (run) => {
          await run.says("q: end");
          run.type("h");
          await run.says("these lines");
          run.type("\u001b");
          await run.says(/q: end[\s\S]*q: end/);
          run.type("\r");
          await run.says("watches (1)");
          run.type("q");
        },
      }),
    ],
    "one away": plainly(["top --once"]),
    silent: plainly(["top --once --admin-port 0"]),
  },
  who: {
    well: plainly([
      "who /shop/mine --watches",
      "who SESSION",
      "who NOBODY",
      "who bob",
      "who /shop",
      "who /none",
    ]),
    silent: plainly(["who SESSION"]),
  },
  doctor: {
    well: [
      ...plainly(["doctor", "doctor --offline", "doctor --clock / --offline"]),
      line("doctor --fail-on warning --max-nodes 0", { ways: PIPE }),
      line("doctor --config zoo.cfg --offline", { before: config(GOOD_CONFIG) }),
      line("doctor --config zoo.cfg --offline --fail-on warning", {
        before: config(GOOD_CONFIG.replace("initLimit", "initLimti").replace(/server\.3.*\n/, "")),
      }),
      line("doctor --config zoo.cfg --offline --sarif", {
        ways: PIPE,
        before: config(GOOD_CONFIG.replace("dataDir", "#dataDir")),
      }),
      line("doctor --config nothing.cfg --offline", { ways: PIPE }),
    ],
    "one away": plainly(["doctor --max-nodes 0"]),
  },
  "support-bundle": {
    well: [
      line("support-bundle"),
      line("support-bundle -o bundle.json", {
        before: async ({ home }) => rmSync(join(home.path, "bundle.json"), { force: true }),
      }),
      line("support-bundle -o there.json", {
        ways: PIPE,
        before: async ({ home }) => writeFileSync(join(home.path, "there.json"), ""),
      }),
      line("support-bundle --with-names", { ways: PIPE }),
    ],
    alone: [line("support-bundle", { ways: PIPE })],
  },
  // What a slow server answers too late is offered from what was seen before.
  __complete: {
    well: [
      line("__complete -- st"),
      line("__complete -- ls /sh", {
        before: ({ home }) =>
          waitUntil("the paths to be known", async () =>
            (await home.must(["__complete", "--", "ls", "/sh"])).stdout.includes("/shop"),
          ),
      }),
      ...plainly([
        "__complete -- ls --",
        "__complete -- import -o",
        "__complete -- watch --on-busy EMPTY",
        "__complete -- lock b",
      ]),
      line("__complete -- support-bundle -o x", { ways: PIPE }),
      line("__complete -- no-such-command x", { ways: PIPE }),
    ],
  },
};
