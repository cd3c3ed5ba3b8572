// zk sniff between a client and a server: what it shows, what it keeps to itself, what it breaks.
import { connect } from "node:net";
import { createClient } from "@zk/client";
import { describe, expect, it } from "vitest";
import { documented } from "./support/fields.js";
import { startZk, waitUntil } from "./support/program.js";
import { stageForThisFile } from "./support/stage.js";

const { home } = stageForThisFile("memory", { servers: 1 });

/** A proxy under way: its address, and its lines so far. */
async function sniff(
  words: string,
): Promise<{ readonly address: string; lines(): Record<string, unknown>[]; end(): Promise<void> }> {
  const running = startZk(["sniff", "--json", ...words.split(" ").filter(Boolean)], { env: home.env });
  await waitUntil("the proxy", () => /listening on \S+/.test(running.stderr()));
  return {
    address: /listening on (\S+)/.exec(running.stderr())![1]!,
    lines: () =>
      running
        .stdout()
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    end: async () => {
      running.child.kill("SIGTERM");
      await running.ended;
    },
  };
}

describe("zk sniff", () => {
  it("pairs requests with answers, and shows watches that fire, but no data and no credentials", async () => {
    const proxy = await sniff("");
    {
      await using client = createClient(proxy.address, { auth: [{ scheme: "digest", auth: "bob:hunter2" }] });
      await client.connect();
      await client.create("/sniffed", "a secret");
      await client.getData("/sniffed", { watch: () => {} });
      await client.setData("/sniffed", "another secret");
      await client.exists("/none");
      await client.transaction().check("/sniffed").remove("/sniffed").commit();
    }
    await waitUntil("the last line", () => proxy.lines().some(({ op }) => op === "closeSession"));
    const lines = proxy.lines();
    documented("sniff", lines);
    expect(lines.map(({ kind, op, path, code, watch }) => [kind, op, path, code, watch])).toEqual(
      expect.arrayContaining([
        ["connected", "connect", null, null, false],
        ["call", "auth", null, "OK", false],
        ["call", "create", "/sniffed", "OK", false],
        ["call", "getData", "/sniffed", "OK", true],
        ["event", "NodeDataChanged", "/sniffed", null, false],
        ["call", "setData", "/sniffed", "OK", false],
        ["call", "exists", "/none", "NO_NODE", false],
      ]),
    );
    expect(lines.find(({ op }) => op === "getData")?.["ms"]).toBeGreaterThanOrEqual(0);
    expect(JSON.stringify(lines)).not.toMatch(/secret|hunter2/);
    await proxy.end();
  });

  it("shows what it is asked for", async () => {
    const proxy = await sniff("--op exists --path /a/** --failed");
    {
      await using client = createClient(proxy.address);
      await client.connect();
      await client.exists("/b/c");
      await client.exists("/a/b");
      await client.getChildren("/");
    }
    await waitUntil("the line", () => proxy.lines().length > 0);
    expect(proxy.lines().map(({ path }) => path)).toEqual(["/a/b"]);
    await proxy.end();
  });

  it("lets words and strangers through as they are", async () => {
    const proxy = await sniff("");
    const [host, port] = proxy.address.split(":");
    const ask = (bytes: string): Promise<string> =>
      new Promise((resolve) => {
        let said = "";
        const socket = connect(Number(port), host, () => socket.write(bytes));
        socket.on("data", (chunk) => {
          said += chunk;
        });
        socket.on("error", () => resolve(said));
        socket.on("close", () => resolve(said));
      });
    expect(await ask("ruok")).toBe("imok");
    expect(await ask("GET / HTTP/1.1\r\n\r\n")).toBe("");
    {
      await using client = createClient(proxy.address);
      await client.connect();
      expect(await client.getChildren("/")).toContain("zookeeper");
    }
    await proxy.end();
  });

  it("delays, drops and breaks on wish, by operation and path, so often as it is told", async () => {
    const proxy = await sniff(
      "--inject delay=300ms,op=exists,path=/slow/** --inject drop,op=getData,times=1 --inject reset,op=getChildren2,times=1",
    );
    {
      await using client = createClient(proxy.address);
      await client.connect();
      const began = performance.now();
      await client.exists("/slow/x");
      expect(performance.now() - began).toBeGreaterThan(290);
      await expect(client.getData("/", { timeoutMs: 300 })).rejects.toMatchObject({
        code: "OPERATION_TIMEOUT",
      });
      await client.getData("/");
      // The connection breaks once; a read is sent again by itself.
      expect(await client.getChildren("/")).toContain("zookeeper");
    }
    await waitUntil("the second connection", () => proxy.lines().some(({ connection }) => connection === 2));
    expect(proxy.lines().some(({ kind, op }) => kind === "unanswered" && op === "getData")).toBe(true);
    await proxy.end();
  });

  it("runs a command through itself, and ends with it", async () => {
    const { exitCode, stdout, stderr } = await startZk(
      [
        "sniff",
        "--plain",
        "--op",
        "getData",
        "--",
        "sh",
        "-c",
        'test -n "$ZK_SERVERS" && node -e "process.exit(5)"',
      ],
      { env: home.env },
    ).ended;
    expect({ exitCode, stdout, stderr: stderr.replace(/\d+\n/, "PORT\n") }).toEqual({
      exitCode: 5,
      stdout: "",
      stderr: "listening on 127.0.0.1:PORT\n",
    });
    expect(await home.run(["sniff", "--inject", "explode"])).toMatchObject({ exitCode: 2 });
    expect(await home.run(["sniff", "--listen", "nowhere"])).toMatchObject({ exitCode: 2 });
  });
});
