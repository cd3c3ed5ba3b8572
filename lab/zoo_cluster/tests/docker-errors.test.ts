// Engines that are missing, forbidden, too old, full or silent. Stand-ins that speak a little of the engine's API play those
// which no machine has at hand; each case is the real command in a process of its own, as the engine is looked for once.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommand } from "../src/release/run-command.js";

const fixture = fileURLToPath(new URL("./docker/fixtures/connect.mjs", import.meta.url));
let folder = "";
let servers: Server[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zk-engine-"));
});
afterEach(async () => {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  servers = [];
  rmSync(folder, { recursive: true, force: true });
});

type Answers = Readonly<Record<string, readonly [status: number, body: unknown]>>;

const whole: Answers = {
  "GET /info": [200, { ServerVersion: "99.0", OSType: "linux", OperatingSystem: "test" }],
  "GET /version": [200, { Version: "99.0", ApiVersion: "1.99" }],
};

/** An engine that gives these answers, and 404 to anything else. */
async function engine(answers: Answers): Promise<string> {
  const path = join(folder, "engine.sock");
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const place = request.url?.split("?")[0] ?? "";
    const key = Object.keys(answers).find((one) => `${request.method} ${place}`.startsWith(one));
    const [status, body] = (key === undefined ? undefined : answers[key]) ?? [
      404,
      { message: "no such thing" },
    ];
    request.resume();
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return `unix://${path}`;
}

interface Failure {
  readonly code: string;
  readonly message: string;
}

/** What the library throws with this engine. */
async function failure(host: string, env: Record<string, string> = {}): Promise<Failure> {
  const { tail, status } = await runCommand(process.execPath, [fixture], {
    env: { ...process.env, DOCKER_HOST: host, TESTCONTAINERS_RYUK_DISABLED: "true", ...env },
    timeoutMs: 60_000,
  });
  expect(status, tail.join("\n")).toBe(0);
  return JSON.parse(tail.join("\n"));
}

describe("startEnsemble in containers", () => {
  it("says where it looked and what to install when there is no engine", async () => {
    const { code, message } = await failure(`unix://${folder}/nothing.sock`);
    expect(code).toBe("NO_ENGINE");
    expect(message).toContain(`${folder}/nothing.sock: not there`);
    expect(message).toContain("apt-get install docker.io");
    expect(message).toContain("pnpm lab:up --memory");
  });

  it("does not take another engine than the one that is named", async () => {
    const { code, message } = await failure("neither://fish nor flesh");
    expect(code).toBe("NO_ENGINE");
    expect(message).toContain("DOCKER_HOST=neither://fish nor flesh is no address");
  });

  it("says that an engine is stopped whose socket is left", async () => {
    const { code, message } = await failure("tcp://127.0.0.1:1");
    expect(code).toBe("NO_ENGINE");
    expect(message).toMatch(/ECONNREFUSED/);
  });

  it("says what keeps an engine that answers from being used", async () => {
    const host = await engine({ "GET /info": [200, {}], "GET /version": [500, { message: "out of order" }] });
    expect(await failure(host)).toMatchObject({
      code: "ENGINE_FAILED",
      message: expect.stringMatching(/out of order/),
    });
  });

  it("says which version an engine has that is too old, and which is needed", async () => {
    const host = await engine({
      ...whole,
      "GET /version": [200, { Version: "19.03.5", ApiVersion: "1.40" }],
    });
    const { code, message } = await failure(host);
    expect(code).toBe("ENGINE_TOO_OLD");
    expect(message).toMatch(/19\.03\.5 speaks API 1\.40.*needs 1\.41/);
  });

  it("refuses an engine of another machine, whose loopback is not ours", async () => {
    const { code, message } = await failure("tcp://192.0.2.1:2375");
    expect(code).toBe("NO_ENGINE");
    expect(message).toMatch(/another machine \(192\.0\.2\.1\)/);
  });

  it("tells a full disk from other refusals, and how to get space", async () => {
    const host = await engine({
      ...whole,
      "GET /containers/json": [200, []],
      "GET /networks": [200, []],
      "GET /volumes": [200, { Volumes: [] }],
      "GET /images/zk-lab": [200, { Id: "sha256:1" }],
      "POST /volumes/create": [500, { message: "mkdir /var/lib/x: no space left on device" }],
      "POST /networks/create": [500, { message: "write /var/lib/y: no space left on device" }],
    });
    const { code, message } = await failure(host);
    expect(code).toBe("ENGINE_FULL");
    expect(message).toContain("docker system df");
  });

  it("names the ways to a base image when none can be pulled", async () => {
    const host = await engine({
      ...whole,
      "GET /containers/json": [200, []],
      "GET /networks": [200, []],
      "GET /volumes": [200, { Volumes: [] }],
      "POST /images/create": [500, { message: "no way to the registry" }],
    });
    const { code, message } = await failure(host, { ZK_LAB_BASE_IMAGE: "some/base:1" });
    expect(code).toBe("NO_IMAGE");
    expect(message).toContain("some/base:1 (ZK_LAB_BASE_IMAGE): no way to the registry");
    expect(message).toContain("make-base-image.sh");
  });

  it("says who may not use an engine, and how to be allowed to", async () => {
    const host = await engine(whole);
    // Root may use every socket, so there the fixture becomes somebody else.
    chmodSync(join(folder, "engine.sock"), 0o000);
    chmodSync(folder, 0o755);
    const { code, message } = await failure(host, process.getuid?.() === 0 ? { ZK_FIXTURE: "nobody" } : {});
    expect(code).toBe("ENGINE_DENIED");
    expect(message).toContain("usermod -aG docker");
  });
});

describe("who wants no containers", () => {
  it("does not load the library that speaks to engines", async () => {
    const program = fileURLToPath(new URL("./docker/fixtures/loaded.mjs", import.meta.url));
    const { tail } = await runCommand(process.execPath, [program], { env: process.env, timeoutMs: 60_000 });
    expect(tail).toEqual(["[]"]);
  });
});
