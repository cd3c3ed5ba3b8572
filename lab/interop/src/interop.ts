// `pnpm interop`: other people's clients on the model, or on real servers.
import { parseArgs } from "node:util";
import { startEnsemble } from "@zk/lab";
import { startMemoryEnsemble } from "@zk/memory-server";
import { clients } from "./clients.js";
import { runClient } from "./run-client.js";

const help = `pnpm interop [--client NAME] [--backend memory|process]

Runs programs that use other people's ZooKeeper clients, each on an ensemble of three servers of its own that loses its leader
in the middle. What a client needs is installed into the user's cache folder first.

  --client NAME    one of them (may be given several times; default: all)
  --backend WHICH  memory: the model inside this process (default); process: real 3.4.6 servers
  --help           say this

Clients
${clients.map(({ name, what }) => `  ${name.padEnd(22)} ${what}`).join("\n")}

The last line is \`N passed, N failed\`. Exit codes: 0 all passed, 1 some did not, 2 the command makes no sense.
`;

interface Ensemble {
  readonly connectionString: string;
  killLeader(): Promise<number>;
  stop(): Promise<void>;
}

function options(): { readonly wanted: typeof clients; readonly isReal: boolean } | undefined {
  try {
    const { values } = parseArgs({
      args: process.argv.slice(2).filter((word) => word !== "--"),
      options: {
        client: { type: "string", multiple: true },
        backend: { type: "string", default: "memory" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(help);
      return undefined;
    }
    const names = values.client ?? clients.map(({ name }) => name);
    const unknown = names.find((name) => !clients.some((client) => client.name === name));
    if (unknown !== undefined) throw new Error(`there is no client ${unknown}`);
    if (values.backend !== "memory" && values.backend !== "process")
      throw new Error(`--backend is memory or process, not ${values.backend}`);
    return {
      wanted: clients.filter(({ name }) => names.includes(name)),
      isReal: values.backend === "process",
    };
  } catch (error) {
    process.stderr.write(`interop: ${(error as Error).message}\nTry pnpm interop --help.\n`);
    process.exitCode = 2;
    return undefined;
  }
}

async function start(isReal: boolean): Promise<Ensemble> {
  return isReal ? await startEnsemble({ servers: 3 }) : await startMemoryEnsemble({ servers: 3 });
}

async function main(): Promise<void> {
  const chosen = options();
  if (chosen === undefined) return;
  let [passed, failed] = [0, 0];
  for (const client of chosen.wanted) {
    process.stdout.write(`${client.what}\n`);
    let ensemble: Ensemble | undefined;
    try {
      const { command, args, env = {} } = await client.prepare();
      ensemble = await start(chosen.isReal);
      const { connectionString } = ensemble;
      const failover = async (): Promise<void> => void (await ensemble?.killLeader());
      for (const { name, problem } of await runClient({
        command,
        args: args(connectionString),
        env,
        failover,
        timeoutMs: 180_000,
      })) {
        if (problem === undefined) passed += 1;
        else failed += 1;
        process.stdout.write(
          `  ${problem === undefined ? "ok" : "NOT OK"} ${name}${problem ? `: ${problem}` : ""}\n`,
        );
      }
    } catch (error) {
      failed += 1;
      process.stdout.write(`  NOT OK: ${(error as Error).message}\n`);
    } finally {
      await ensemble?.stop();
    }
  }
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  if (failed > 0) process.exitCode = 1;
}

await main();
