/** Compares our clock with that of the server that leads, by a scratch znode: it writes, so it is asked for. */
import { type Client, CreateMode } from "@zk/client";
import { joinPath } from "@zk/protocol";
import type { Finding } from "./findings.js";

/** Milliseconds of difference that are nothing to speak of. */
const SKEW_MAX_MS = 1_000;

/** @param folder where the scratch znode is made and removed. @throws ZkError of the create */
export async function checkClock(client: Client, folder: string, signal: AbortSignal): Promise<Finding[]> {
  const beforeMs = Date.now();
  const made = await client.create(joinPath(folder, "zk-doctor-"), null, {
    mode: CreateMode.EPHEMERAL_SEQUENTIAL,
    signal,
  });
  const afterMs = Date.now();
  const stat = await client.exists(made.path, { signal });
  await client.remove(made.path, { signal });
  if (stat === null) return [];
  const serverMs = Number(stat.ctime);
  // The server wrote its time at some moment between the two.
  const skewMs = serverMs < beforeMs ? serverMs - beforeMs : serverMs > afterMs ? serverMs - afterMs : 0;
  if (Math.abs(skewMs) <= SKEW_MAX_MS) return [];
  return [
    {
      id: "live.clock-skew",
      severity: "warning",
      message: "our clock and that of the server that leads differ",
      evidence: `the server is ${(Math.abs(skewMs) / 1_000).toFixed(1)} s ${skewMs > 0 ? "ahead" : "behind"}`,
      fix: "let both follow a time server: ages, leases by the clock and logs are wrong otherwise",
      link: null,
    },
  ];
}
