// Four-letter words: what a real 3.4.6 says and what the model says, side by side, but for what no two servers have alike.
import { connect } from "node:net";
import { CreateMode, createClient } from "@zk/client";
import { describe, expect, it } from "vitest";
import { type Backend, type Ensemble, startEnsemble } from "../../src/index.js";
import { waitFor } from "../../src/wait.js";

const words = "conf cons dump envi gtmk isro mntr ruok srvr stat wchc wchp wchs crst srst".split(" ");

function say(port: number, word: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(word));
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
    });
    socket.once("error", (error) => resolve(`${text}${error.message}`));
    socket.once("close", () => resolve(text));
  });
}

/** Everything that may differ becomes a sign: ports, paths, times, ids, zxids, counts of packets, the order of hash tables. */
function comparable(word: string, text: string): string {
  const lines = text
    .replace(/(clientPort|dataDir|dataLogDir|electionPort|quorumPort)=.*/g, "$1=…")
    .replace(/0x[0-9a-f]+/g, "0x…")
    .replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:…")
    .replace(/(recved|sent|est|lresp|llat|minlat|avglat|maxlat)=[\d.]+/g, "$1=…")
    .replace(/LearnerSessionTracker@[0-9a-f]+/g, "LearnerSessionTracker@…")
    .replace(/Session Sets \(\d+\)/g, "Session Sets (…)")
    .replace(/^0 expire at .*\n/gm, "")
    .replace(/expire at \w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4}:/g, "expire at …:")
    .replace(/^(Latency min\/avg\/max|Received|Sent): [\d/]+$/gm, "$1: …")
    .replace(/^(zk_(?:avg|max|min)_latency|zk_packets_\w+)\t\d+$/gm, "$1\t…")
    .replace(/^zk_\w+_file_descriptor_count\t\d+\n/gm, "")
    .split("\n");
  if (word === "envi") return lines.map((line) => line.split("=")[0]).join("\n");
  // Which connection comes first is nobody's promise.
  if (word === "cons" || word === "stat") return lines.sort().join("\n");
  return lines.join("\n");
}

async function sayAll({ id, clientPort: port }: Told): Promise<Record<string, string>> {
  const answers: Record<string, string> = {};
  // Who leads is decided anew in each ensemble: a server is to say its own id, whichever that is.
  const ownId = new RegExp(`^serverId=${id}$`, "m");
  for (const word of words)
    answers[word] = comparable(word, (await say(port, word)).replace(ownId, "serverId=its own"));
  // Behind `crst` a connection knows nothing of its past.
  answers["cons behind crst"] = comparable("cons", await say(port, "cons"));
  return answers;
}

interface Told {
  readonly id: number;
  readonly clientPort: number;
}

function serverOf(ensemble: Ensemble, id: number | undefined): Told {
  const found = ensemble.servers.find((server) => server.id === id);
  if (found === undefined) throw new Error(`there is no server ${id}`);
  return found;
}

/** The same story on either backend, and all that its servers say at its end. */
async function tell(backend: Backend, servers: number): Promise<Record<string, Record<string, string>>> {
  await using ensemble = await startEnsemble({ backend, servers });
  const leader = await ensemble.leader();
  const [follower] = await ensemble.followers();
  const leading = serverOf(ensemble, leader);
  await using owner = createClient(`127.0.0.1:${leading.clientPort}`);
  await owner.connect();
  await owner.create("/mine", "abc", { mode: CreateMode.EPHEMERAL });
  await owner.create("/watched", "");
  await owner.watch("/watched").ready;
  const saidLeading = await sayAll(leading);
  if (follower === undefined) return { standalone: saidLeading };
  const following = serverOf(ensemble, follower);
  await using other = createClient(`127.0.0.1:${following.clientPort}`);
  await other.connect();
  await other.sync("/");
  const saidFollowing = await sayAll(following);
  for (const { id } of ensemble.servers) if (id !== leader) await ensemble.kill(id);
  await waitFor({
    what: "the leader to give up",
    timeoutMs: 15_000,
    look: async () => (await say(leading.clientPort, "srvr")).includes("not currently") || undefined,
  });
  return { leading: saidLeading, following: saidFollowing, alone: await sayAll(leading) };
}

describe("four-letter words", () => {
  it.each([1, 3])("say the same on the model and on real servers, %i of them", async (servers) => {
    const real = await tell("process", servers);
    expect(real).not.toEqual({});
    expect(await tell("memory", servers)).toEqual(real);
  });
});
