import { describe, expect, it } from "vitest";
import { ContainerOutput } from "./container-output.js";
import type { Docker } from "./engine.js";

interface Asked {
  readonly tail?: number;
  readonly since?: string;
  readonly timestamps?: boolean;
}

/** An engine with one container, and what that has written: `[nanoseconds, line]`. */
function written(lines: (readonly [time: number, line: string])[]): ContainerOutput {
  const logs = async ({ tail, since = "0.0", timestamps }: Asked): Promise<Buffer> => {
    const from = Number(since.split(".")[1] ?? 0);
    const kept = lines.filter(([time]) => time >= from).slice(-(tail ?? lines.length));
    const rows = kept.map(([time, line]) => {
      const nanoseconds = String(time).padStart(9, "0");
      return `${timestamps ? `1970-01-01T00:00:00.${nanoseconds}Z ` : ""}${line}\n`;
    });
    return Buffer.concat(
      rows.map((row) => {
        const head = Buffer.alloc(8);
        head[0] = 1;
        head.writeUInt32BE(Buffer.byteLength(row), 4);
        return Buffer.concat([head, Buffer.from(row)]);
      }),
    );
  };
  return new ContainerOutput({ getContainer: () => ({ logs }) } as unknown as Docker, "c");
}

describe("what a server in a container wrote", () => {
  it("is given once: before, or with a read", async () => {
    const lines: [number, string][] = [
      [1, "one"],
      [2, "two"],
    ];
    const follower = await written(lines).follow(1000);
    lines.push([3, "three"]);
    expect(follower.before).toBe("one\ntwo\n");
    expect(await follower.read()).toEqual(["three"]);
    expect(await follower.read()).toEqual([]);
    // Of the same moment as one that has been given.
    lines.push([3, "three and a half"], [4, "four"]);
    expect(await follower.read()).toEqual(["three and a half", "four"]);
  });

  it("is followed from nothing on", async () => {
    const lines: [number, string][] = [];
    const follower = await written(lines).follow(1000);
    expect(follower.before).toBe("");
    lines.push([1, "first"], [1, "second"]);
    expect(await follower.read()).toEqual(["first", "second"]);
  });

  it("is kept in whole lines", async () => {
    const follower = await written([
      [1, "a line that is long"],
      [2, "short"],
    ]).follow(10);
    expect(follower.before).toBe("short\n");
  });
});
