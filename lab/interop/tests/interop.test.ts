// Other people's clients on the model. The one that needs a C compiler is run by `pnpm interop` alone.
import { type MemoryEnsemble, startMemoryEnsemble } from "@zk/memory-server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clients } from "../src/clients.js";
import { JavaClient } from "../src/java-client.js";
import { runClient } from "../src/run-client.js";

let ensemble: MemoryEnsemble;
beforeEach(async () => {
  ensemble = await startMemoryEnsemble({ servers: 3 });
});
afterEach(() => ensemble.stop());

const everywhere = ["basics", "sequences_and_ephemerals", "watches", "transactions", "access_control"];
const programs = [
  { name: "node-zookeeper-client", behaviours: [...everywhere, "failover"] },
  { name: "kazoo", behaviours: [...everywhere, "lock", "election", "queue_and_counter", "failover"] },
];

describe("on the model", () => {
  it.each(programs)("$name does all it can, and lives through a failover", async ({ name, behaviours }) => {
    const client = clients.find((each) => each.name === name);
    const { command, args, env = {} } = await (client as (typeof clients)[number]).prepare();
    const failover = async (): Promise<void> => void (await ensemble.killLeader());
    const said = await runClient({
      command,
      args: args(ensemble.connectionString),
      env,
      failover,
      timeoutMs: 60_000,
    });
    expect(said.filter(({ problem }) => problem !== undefined)).toEqual([]);
    expect(said.map((each) => each.name)).toEqual(behaviours);
  });

  it("the Java client of 3.4.6 does all that its command line can, and lives through a failover", async () => {
    const java = await JavaClient.start(ensemble.connectionString);
    try {
      await java.ask("create /java one", /^Created \/java$/);
      await java.ask("get /java", /^one$/);
      await java.ask("get /java watch", /^dataVersion = 0$/);
      await java.ask("set /java two", /NodeDataChanged path:\/java$/);
      await java.ask("set /java three 0", /version No is not valid : \/java$/);
      await java.ask("create /java x", /Node already exists: \/java$/);
      await java.ask("create -s /java/n- x", /^Created \/java\/n-0000000000$/);
      await java.ask("create -e -s /java/n- x", /^Created \/java\/n-0000000001$/);
      await java.ask("ls /java", /^\[n-000000000[01], n-000000000[01]\]$/);
      await java.ask("delete /java", /Node not empty: \/java$/);
      await java.ask("get /none", /Node does not exist: \/none$/);
      await java.ask("create /secret s digest:ann:wrong:cdrwa", /^Created \/secret$/);
      await java.ask("get /secret", /Authentication is not valid : \/secret$/);
      await java.ask("getAcl /secret", /^'digest,'ann:wrong$/);
      await java.ask("setquota -n 5 /java", /^Comment: the parts are/);
      await java.ask("listquota /java", /^Output quota for \/java count=5,bytes=-1$/);
      await java.ask("sync /java", /^Sync returned 0$/);
      // A command given while there is no connection would end the program.
      await java.hears(() => ensemble.killLeader(), /state:SyncConnected/);
      await java.ask("stat /java/n-0000000001", /^ephemeralOwner = 0x[0-9a-f]+$/);
      await java.ask("rmr /java\nls /", /^\[secret, zookeeper\]$|^\[zookeeper, secret\]$/);
      await java.quit();
    } finally {
      await java.end();
    }
  }, 60_000);
});
