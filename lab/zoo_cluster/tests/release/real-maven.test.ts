import { spawn } from "node:child_process";
import { stat, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { listFilesBelow } from "../../src/release/files.js";
import { findJava, installRelease, provisionRelease } from "../../src/release/index.js";
import { temporaryDirectory } from "./support.js";

/** A first run fetches Maven's own plugins too. */
const limitMs = 420_000;

// Whoever runs this without Maven or without a way to its repositories sees it fail, with the reason: a lab that
// cannot be provisioned must not look like one that can.
it(
  "3.4.6 is assembled by the real Maven client, installed, and serves",
  async () => {
    const dir = await temporaryDirectory();
    const lines: string[] = [];
    const { ZK_LAB_HOME: _home, ZK_LAB_CLASSPATH: _jars, ZK_LAB_ARCHIVE: _archive, ...rest } = process.env;
    const env = { ...rest, ZK_LAB_CACHE: join(dir, "cache"), ZK_LAB_OFFLINE: "" };
    const release = await provisionRelease({ env, onProgress: (line) => lines.push(line) });
    expect(release).toMatchObject({ version: "3.4.6", source: "maven", origin: "maven", ownScripts: false });
    expect(lines.at(-1)).toBe("maven: 6 jars, every entry checked");
    expect(await listFilesBelow(release.dir)).toEqual([
      ".zk-lab-release.json",
      "lib/jline-0.9.94.jar",
      "lib/log4j-1.2.16.jar",
      "lib/netty-3.7.0.Final.jar",
      "lib/slf4j-api-1.6.1.jar",
      "lib/slf4j-log4j12-1.6.1.jar",
      "zookeeper-3.4.6.jar",
    ]);
    expect((await stat(join(release.dir, "zookeeper-3.4.6.jar"))).size).toBe(792_964);

    const target = join(dir, "zookeeper1", "zookeeper-3.4.6");
    await installRelease(release, target);
    const port = await freePort();
    await writeFile(
      join(target, "conf", "zoo.cfg"),
      `tickTime=500\ndataDir=${join(target, "data")}\nclientPort=${port}\nclientPortAddress=127.0.0.1\n`,
    );
    const classPath = ["conf", "zookeeper-3.4.6.jar", "lib/*"].map((path) => join(target, path)).join(":");
    const java = await findJava();
    const args = [
      "-Dzookeeper.root.logger=INFO,CONSOLE",
      "-Dzookeeper.jmx.log4j.disable=true",
      "-cp",
      classPath,
    ];
    const main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    const server = spawn(java.path, ["-Xmx64m", ...args, main, join(target, "conf", "zoo.cfg")]);
    onTestFinished(() => {
      server.kill("SIGKILL");
    });
    let log = "";
    for (const stream of [server.stdout, server.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        log += chunk.toString();
      });
    }
    await expect.poll(() => fourLetters(port, "srvr"), { timeout: 30_000 }).toMatch(/Mode: standalone/);
    expect(await fourLetters(port, "srvr")).toMatch(/^Zookeeper version: 3\.4\.6-1569965,/);
    // The layout of the log that the release's own configuration gives.
    expect(log).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[myid:\] - INFO {2}\[main:Environment@\d+\] - Server/m,
    );
  },
  limitMs,
);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function fourLetters(port: number, word: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(word));
    socket.setTimeout(2_000, () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString();
    });
    // A refused connection is an empty answer: the caller asks again.
    socket.on("error", () => {});
    socket.once("close", () => resolve(answer));
  });
}
