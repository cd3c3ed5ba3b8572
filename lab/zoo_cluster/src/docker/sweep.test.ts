import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Engine } from "./engine.js";
import { hostKey, labels } from "./names.js";
import { sweep } from "./sweep.js";

const Labels = { [labels.host]: hostKey(), [labels.owner]: "process 4194304 1@never" };

class Refusal extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(`(HTTP code ${statusCode}) unexpected - ${message}`);
    this.statusCode = statusCode;
  }
}

/** An engine that has an abandoned container, its network and its volume; each removal takes what is next in its list. */
function engine(answers: Record<"container" | "network" | "volume", (Refusal | "done")[]>) {
  const asked: string[] = [];
  const remove = (kind: keyof typeof answers) => () => ({
    remove: async () => {
      const answer = answers[kind].shift() ?? new Refusal(404, `no such ${kind}`);
      asked.push(`${kind} ${answer === "done" ? answer : answer.statusCode}`);
      if (answer !== "done") throw answer;
    },
  });
  const docker = {
    listContainers: async () => [{ Id: "c", Labels }],
    listNetworks: async () => [{ Id: "n", Labels }],
    listVolumes: async () => ({ Volumes: [{ Name: "v", Labels }] }),
    getContainer: remove("container"),
    getNetwork: remove("network"),
    getVolume: remove("volume"),
  };
  return { asked, engine: { docker } as unknown as Engine };
}

async function sweeping(answers: Parameters<typeof engine>[0]) {
  const { asked, engine: one } = engine(answers);
  const lines: string[] = [];
  const swept = await sweep(one, (line) => lines.push(line));
  return { asked, lines, swept };
}

describe("a sweep", () => {
  beforeEach(() => {
    vi.stubEnv("ZK_LAB_TIME_SCALE", "0.1");
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("waits for what somebody else is removing: a network has to be free of its containers first", async () => {
    const inUse = new Refusal(403, "network n has active endpoints");
    const { asked, lines } = await sweeping({
      container: [new Refusal(409, "removal of container c is already in progress")],
      network: [inUse, inUse, "done"],
      volume: [new Refusal(409, "volume is in use"), "done"],
    });
    expect(asked).toEqual([
      ...["container 409", "container 404"],
      ...["network 403", "network 403", "network done"],
      ...["volume 409", "volume done"],
    ]);
    expect(lines).toHaveLength(1);
  });

  it("leaves what stays in use to the next, says so, and goes on", async () => {
    const inUse = new Refusal(403, "network n has active endpoints");
    const { asked, lines, swept } = await sweeping({
      container: ["done"],
      network: Array.from({ length: 1000 }, () => inUse),
      volume: ["done"],
    });
    expect(lines.slice(1)).toEqual([
      expect.stringMatching(
        /^left for the next start: Waited 1\.5 s for the removal of network n\.\n.*has active endpoints/,
      ),
    ]);
    expect(asked.at(-1)).toBe("volume done");
    expect(swept).toEqual({ containers: 1, networks: 1, volumes: 1 });
  });
});
