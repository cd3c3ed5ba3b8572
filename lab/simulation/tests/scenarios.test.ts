import { CreateMode } from "@zk/client";
import { describe, expect, it } from "vitest";
import { type Scenario, type SimulationResult, simulate } from "../src/index.js";
import { SCENARIOS } from "../src/scenarios/scenarios.js";

const HARM_MS = 2500;

/** What all others stand on gets more worlds than those do. SIM_WORLDS is another number for all of them. */
const THOROUGH = ["counter", "lock", "election"];
const worldsOf = ({ name }: Scenario): number =>
  Number(process.env["SIM_WORLDS"] ?? (THOROUGH.includes(name) ? 50 : 5));

async function runs(scenario: Scenario, count: number): Promise<SimulationResult[]> {
  const results: SimulationResult[] = [];
  for (let seed = 1; seed <= count; seed += 1)
    results.push(await simulate(seed, { scenario, harmMs: HARM_MS }));
  return results;
}

/** The first thing that is wrong in any of a few worlds. */
async function findingOf(scenario: Scenario): Promise<string | undefined> {
  for (let seed = 1; seed <= 10; seed += 1) {
    const { finding } = await simulate(seed, { scenario, harmMs: HARM_MS });
    if (finding !== undefined) return `${finding.check}: ${finding.message}`;
  }
  return undefined;
}

const idle: Scenario = {
  name: "idle",
  clients: [2, 2],
  play: () => ({ perform: (player) => player.sleep(10) }),
};

describe("scenarios", () => {
  it.each(SCENARIOS)("$name keeps its promises, whatever the world", async (scenario) => {
    const worlds = worldsOf(scenario);
    const results = await runs(scenario, worlds);
    const broken = results.flatMap(({ seed, finding }) =>
      finding === undefined ? [] : [`seed ${seed}, ${finding.check}: ${finding.message}`],
    );
    expect(broken).toEqual([]);
    expect(results.reduce((sum, { failovers }) => sum + failovers, 0)).toBeGreaterThan(4 * worlds);
    expect(results.reduce((sum, { transactions }) => sum + transactions, 0)).toBeGreaterThan(20 * worlds);
  });

  it("the latch of seed 30031, whose session the leader took for another server's, leads all the same", async () => {
    const scenario = SCENARIOS.find(({ name }) => name === "latch");
    expect(scenario).toBeDefined();
    const { finding } = await simulate(30031, scenario === undefined ? {} : { scenario });
    expect(finding).toBeUndefined();
  });

  it("the lock of seed 5042, given up by who was being written down as its holder, delays nobody", async () => {
    const scenario = SCENARIOS.find(({ name }) => name === "lock-delay");
    expect(scenario).toBeDefined();
    const { finding } = await simulate(5042, scenario === undefined ? {} : { scenario });
    expect(finding).toBeUndefined();
  });

  it("are the same from the same seed", async () => {
    const [scenario] = SCENARIOS as readonly [Scenario];
    const [first, again] = [await simulate(5, { scenario }), await simulate(5, { scenario })];
    expect(again.digest).toBe(first.digest);
  });
});

describe("what a scenario does wrong is found:", () => {
  const perform = async (): Promise<void> => {};
  const cases: [what: string, change: Partial<Scenario>, says: RegExp][] = [
    [
      "a bug in a round",
      { play: () => ({ perform: () => Promise.reject(new TypeError("a bug")) }) },
      /a bug/,
    ],
    [
      "a round that does not end",
      { play: () => ({ perform: () => new Promise(() => {}) }) },
      /liveness: .* not enough to be served again/,
    ],
    [
      "a listener that is left",
      {
        play: () => ({
          perform: async (player) => player.resting.addEventListener("abort", () => {}, { once: false }),
        }),
      },
      /still listens/,
    ],
    [
      "a last look that fails",
      { play: () => ({ perform, inspect: () => Promise.reject(new Error("missing")) }) },
      /nothing is wrong, and yet Error: missing/,
    ],
    [
      "a promise broken within a turn",
      {
        play: () => ({
          perform: async (player) => {
            player.afterTurn = () => player.report("late");
          },
        }),
      },
      /scenario: p\d\.\d: late/,
    ],
    ["the end", { play: (stage) => ({ perform, finish: () => stage.report("all wrong") }) }, /all wrong/],
  ];
  it.each(cases)("%s", async (_, change, says) => {
    expect(await findingOf({ ...idle, ...change })).toMatch(says);
  });
});

describe("players", () => {
  it("die in the middle of their round, and others take their place", async () => {
    const names = new Set<string>();
    const died: string[] = [];
    const scenario: Scenario = {
      ...idle,
      deaths: true,
      play: () => ({
        perform: async (player) => {
          names.add(player.name);
          await player.client.create("/e", null, { mode: CreateMode.EPHEMERAL }).catch(() => {});
          await player.sleep(20);
        },
        died: ({ name }) => died.push(name),
      }),
    };
    for (const { finding } of await runs(scenario, 10)) expect(finding).toBeUndefined();
    expect(died.length).toBeGreaterThan(3);
    expect(names).toContain("p1.2");
  });

  it("can wait for a signal", async () => {
    const woken: unknown[] = [];
    const scenario: Scenario = {
      ...idle,
      play: () => ({
        perform: (player) => player.sleep(1e9, player.resting),
        inspect: async (player) => {
          await player.sleep(1, player.resting).catch((error: unknown) => woken.push(error));
        },
      }),
    };
    const { finding } = await simulate(3, { scenario, harmMs: 500 });
    expect(finding).toBeUndefined();
    expect(woken).toHaveLength(2);
  });
});
