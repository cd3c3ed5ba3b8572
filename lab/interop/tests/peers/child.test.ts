// How a peer's process is driven, and that it is gone whatever happens. What the libraries do is told in the other files.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { Child } from "../../src/peers/child.js";
import { peerKinds, recipesOf } from "../../src/peers/peer.js";
import { programOf, startPeer } from "../../src/peers/start-peer.js";
import { findCompiler, prepareCurator } from "../../src/provision/curator.js";
import { installKazoo } from "../../src/provision/kazoo.js";
import { useGround } from "./ground.js";

const ground = useGround("3.4.6", [], { servers: 1 });
// A first run on a machine fetches what they need, which is no part of a test.
beforeAll(() => Promise.all(peerKinds.map(programOf)));

async function isGone(pid: number | undefined): Promise<boolean> {
  try {
    process.kill(pid as number, 0);
    return false;
  } catch {
    return true;
  }
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "zk-interop-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A program in the shell's words, in place of a library's. */
function shell(script: string): { title: string; command: string; args: string[] } {
  return { title: "A shell", command: "/bin/sh", args: ["-c", script] };
}

const hello = `echo '{"event":"hello"}'`;

describe("a peer's process", () => {
  it.each(["kazoo", "curator-4"] as const)(
    "%s connects, says of its session, and is gone when closed",
    async (kind) => {
      const peer = await startPeer(kind, ground.ensemble.connectionString);
      // Curator tells of it a little later than it believes it.
      await vi.waitFor(() => expect(peer.states).toEqual(["CONNECTED"]), 10_000);
      expect([...peer.recipes].sort()).toEqual([...recipesOf[kind]].sort());
      const { sessionId, sessionPassword } = await peer.session();
      expect(sessionId).not.toBe(0n);
      expect(sessionPassword).toHaveLength(16);
      await peer.close();
      expect(await isGone(peer.pid)).toBe(true);
      // Its session was closed, not left to expire: nobody can take it up any more.
      await ground.ensemble.expireSession({ sessionId, sessionPassword });
      await expect(peer.session()).rejects.toMatchObject({ code: "CLOSED" });
    },
  );

  it.each(["kazoo", "curator-4"] as const)(
    "%s has several sessions, each with states of its own",
    async (kind) => {
      const peer = await ground.ownPeer(kind);
      const other = await peer.newSession();
      const [one, two] = [await peer.session(), await other.session()];
      expect(one.sessionId).not.toBe(two.sessionId);
      await ground.ensemble.expireSession(two);
      await vi.waitFor(() => expect(other.states).toContain("LOST"), 20_000);
      expect(peer.states).toEqual(["CONNECTED"]);
      await other.close();
      expect((await peer.session()).sessionId).toBe(one.sessionId);
    },
  );

  it("that is killed fails what is asked of it, and all that comes", async () => {
    const peer = await ground.ownPeer("kazoo");
    const barrier = await peer.open("barrier", ground.path());
    await barrier.set();
    const waiting = barrier.wait();
    const refused = expect(waiting).rejects.toMatchObject({
      code: "DIED",
      message: expect.stringMatching(/^kazoo .*, barrier at \/test-\d+, wait: ended with SIGKILL/),
    });
    await peer.kill();
    await refused;
    await expect(barrier.set()).rejects.toMatchObject({ code: "DIED" });
  });

  it("that says nothing fails a call at its limit, and does not outlive its test", async () => {
    const peer = await ground.ownPeer("kazoo", { callTimeoutMs: 300 });
    const barrier = await peer.open("barrier", ground.path());
    peer.pause();
    await expect(barrier.set()).rejects.toMatchObject({
      code: "TIMEOUT",
      message: expect.stringMatching(/no answer within 300 ms/),
    });
    await peer.kill();
    expect(await isGone(peer.pid)).toBe(true);
  });

  it("hands on what a library throws, and what it does not have", async () => {
    const peer = await ground.ownPeer("kazoo");
    const lock = await peer.open("mutex", ground.path());
    await expect(lock.revocations()).rejects.toMatchObject({ code: "UNSUPPORTED" });
    await expect(peer.open("latch", ground.path())).rejects.toMatchObject({ code: "UNSUPPORTED" });
    const bad = await peer.open("barrier", "no/slash/../at/all");
    await expect(bad.set()).rejects.toMatchObject({ code: "FAILED", failure: { type: "ValueError" } });
  });

  it("keeps bytes and 64-bit numbers as they are", async () => {
    const peer = await ground.ownPeer("curator-4");
    const every = new Uint8Array(256).map((_, index) => index);
    const value = await peer.open("sharedValue", ground.path(), { seed: every });
    expect(await value.get()).toEqual(every);
    const number = await peer.open("atomicLong", ground.path());
    expect(await number.add({ by: 2n ** 62n + 1n })).toMatchObject({
      succeeded: true,
      after: 2n ** 62n + 1n,
    });
  });

  it("that cannot be started, ends at once, or says nonsense, tells so with the end of its log", async () => {
    const none = { title: "Nothing", command: "/nonexistent/program", args: [] };
    await expect(Child.start(none)).rejects.toMatchObject({
      code: "DIED",
      message: expect.stringMatching(/could not be run: .*ENOENT/),
    });
    const ending = Child.start(shell("echo because >&2; exit 3"));
    await expect(ending).rejects.toMatchObject({
      code: "DIED",
      message: expect.stringMatching(/ended with exit code 3\n.*\nbecause/),
    });
    await expect(Child.start(shell("echo what; exec sleep 60"))).rejects.toMatchObject({
      code: "PROTOCOL",
      message: expect.stringMatching(/said what is no JSON: what/),
    });
  });

  // However our process ends, the system closes its end of the pipe.
  it.each(["kazoo", "curator-4"] as const)(
    "of %s is gone when the process that started it is killed",
    async (kind) => {
      const { command, args, env } = await programOf(kind);
      const script = `
      const { spawn } = require("node:child_process");
      const child = spawn(...JSON.parse(process.argv[1]), { stdio: ["pipe", "pipe", "inherit"] });
      child.stdout.once("data", () => console.log(child.pid));
      setInterval(() => {}, 1_000);
    `;
      const parent = spawn(process.execPath, ["-e", script, JSON.stringify([command, args])], {
        env: { ...process.env, ...env },
        stdio: ["ignore", "pipe", "inherit"],
      });
      onTestFinished(() => void parent.kill("SIGKILL"));
      const [line] = await once(parent.stdout, "data");
      const pid = Number(String(line));
      expect(await isGone(pid)).toBe(false);
      parent.kill("SIGKILL");
      await vi.waitFor(async () => expect(await isGone(pid)).toBe(true), 15_000);
    },
  );

  it("ends when its input ends", async () => {
    const child = await Child.start(shell(`${hello}; cat >/dev/null`));
    await child.stop();
    expect(await isGone(child.pid)).toBe(true);
  });
});

describe("a machine that lacks a part", () => {
  it("says what is missing for kazoo, and what to install", async () => {
    const folder = await temporaryFolder();
    vi.stubEnv("XDG_CACHE_HOME", folder);
    vi.stubEnv("PATH", folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(installKazoo()).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(
        /^kazoo 2\.11\.0 cannot be had here: there is no python3 on the PATH\n.*apt-get install python3 python3-venv/,
      ),
    });
  });

  it("says that a Java runtime alone is not enough for Curator, and what to install", async () => {
    vi.stubEnv("PATH", await temporaryFolder());
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(findCompiler(null)).rejects.toThrow(
      /^no Java compiler: .*apt-get install openjdk-17-jdk-headless/,
    );
  });

  it("says what is missing for Curator, and what to install", async () => {
    const folder = await temporaryFolder();
    vi.stubEnv("XDG_CACHE_HOME", folder);
    vi.stubEnv("ZK_LAB_MVN", join(folder, "mvn"));
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(prepareCurator("curator-4")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(
        /^Curator 4\.3\.0 cannot be had here: .*curator-recipes:4\.3\.0.*is not an executable file/,
      ),
    });
  });
});
