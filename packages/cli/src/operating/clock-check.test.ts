import type { Client } from "@zk/client";
import { describe, expect, it } from "vitest";
import { checkClock } from "./clock-check.js";

/** A client whose server's clock is so far ahead of ours. */
function clientWith(aheadMs: number, deeds: string[]): Client {
  const stand = {
    create: async (path: string) => {
      deeds.push(`create ${path}`);
      return { path: `${path}0000000001` };
    },
    exists: async () => ({ ctime: BigInt(Date.now() + aheadMs) }),
    remove: async (path: string) => void deeds.push(`remove ${path}`),
  };
  return stand as unknown as Client;
}

describe("checkClock", () => {
  it.each([
    [0, undefined],
    [500, undefined],
    [-500, undefined],
    [60_000, "60.0 s ahead"],
    [-60_000, "60.0 s behind"],
  ])("a server that is %d ms ahead", async (aheadMs, says) => {
    const deeds: string[] = [];
    const [finding] = await checkClock(clientWith(aheadMs, deeds), "/tmp", new AbortController().signal);
    if (says === undefined) expect(finding).toBeUndefined();
    else expect(finding).toMatchObject({ id: "live.clock-skew", evidence: `the server is ${says}` });
    expect(deeds).toEqual(["create /tmp/zk-doctor-", "remove /tmp/zk-doctor-0000000001"]);
  });
});
