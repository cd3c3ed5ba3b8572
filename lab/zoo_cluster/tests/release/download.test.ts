import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { type DownloadOptions, download } from "../../src/release/download.js";
import { listFilesBelow } from "../../src/release/files.js";
import { provisionRelease } from "../../src/release/index.js";
import { proxyAuthorization, proxyFor } from "../../src/release/proxy.js";
import { rangeStart, sendFile, startServer } from "./http-server.js";
import { digestOf, labErrorOf, makeTarball, releaseFiles, temporaryDirectory } from "./support.js";
import { withPauses } from "./wait-between.js";

const file = randomBytes(300_000);

/** Compared as a whole, since a comparison byte by byte of so many takes seconds. */
async function holds(path: string, bytes: Buffer): Promise<boolean> {
  return bytes.equals(await readFile(path));
}

async function setUp(address: string, more: Partial<DownloadOptions> = {}) {
  const dir = await temporaryDirectory();
  const partPath = join(dir, "downloads", "file.part");
  const lines: string[] = [];
  const run = (): Promise<void> =>
    download({
      url: new URL(address),
      partPath,
      expected: { algorithm: "sha512", hex: digestOf(file), origin: "known to the test" },
      env: {},
      onProgress: (line) => lines.push(line),
      retryDelayMs: 1,
      ...more,
    });
  return { dir, partPath, lines, run };
}

describe("a download", () => {
  it("brings the file", async () => {
    const { url, requests } = await startServer((request, response) => sendFile(request, response, file));
    const { run, partPath } = await setUp(`${url}/f`);
    await run();
    expect(await holds(partPath, file)).toBe(true);
    expect(requests).toHaveLength(1);
    expect(requests[0]!.headers["accept-encoding"]).toBe("identity");
  });

  it("goes on where the connection broke, as often as it breaks", async () => {
    const { url, requests } = await startServer((request, response) => {
      const start = rangeStart(request);
      response.writeHead(start > 0 ? 206 : 200, {
        "content-length": file.length - start,
        ...(start > 0 ? { "content-range": `bytes ${start}-${file.length - 1}/${file.length}` } : {}),
      });
      const end = Math.min(file.length, start + 120_000);
      response.write(file.subarray(start, end), () => {
        if (end < file.length) response.destroy();
        else response.end();
      });
    });
    const { run, partPath, lines } = await setUp(`${url}/f`, { triesMax: 3 });
    await run();
    expect(await holds(partPath, file)).toBe(true);
    expect(requests.length).toBeGreaterThan(2);
    expect(requests.map(rangeStart).filter((start) => start > 0).length).toBeGreaterThan(1);
    expect(lines.join("\n")).toMatch(/the connection broke after \d+ of 300000 bytes; trying again/);
  });

  it("begins again with a server that does not know ranges", async () => {
    let tries = 0;
    const { url } = await startServer((_request, response) => {
      tries += 1;
      response.writeHead(200, { "content-length": file.length });
      if (tries === 1) response.write(file.subarray(0, 100_000), () => response.destroy());
      else response.end(file);
    });
    const { run, partPath } = await setUp(`${url}/f`);
    await run();
    expect(await holds(partPath, file)).toBe(true);
    expect(tries).toBe(2);
  });

  it("goes on with what an earlier run had left, and asks nothing twice when that is all of it", async () => {
    const { url, requests } = await startServer((request, response) => sendFile(request, response, file));
    const { run, partPath } = await setUp(`${url}/f`);
    await run();
    await writeFile(partPath, file.subarray(0, 123_456));
    await run();
    expect(rangeStart(requests[1]!)).toBe(123_456);
    expect(await holds(partPath, file)).toBe(true);
    await run();
    expect(await holds(partPath, file)).toBe(true);
  });

  it("fetches all again when what was left does not fit", async () => {
    const { url, requests } = await startServer((request, response) => sendFile(request, response, file));
    for (const left of [randomBytes(1_000), randomBytes(file.length + 5)]) {
      const { run, partPath, dir } = await setUp(`${url}/f`);
      await run();
      await writeFile(join(dir, "downloads", "file.part"), left);
      requests.length = 0;
      await run();
      expect(requests.map(rangeStart)).toEqual([left.length, 0]);
      expect(await holds(partPath, file)).toBe(true);
    }
  });

  it("with another digest is an error, and not a byte of it stays", async () => {
    const { url } = await startServer((request, response) => sendFile(request, response, randomBytes(1_000)));
    const { run, dir } = await setUp(`${url}/f`);
    const error = await labErrorOf(run());
    expect(error.code).toBe("DIGEST_MISMATCH");
    expect(error.message).toContain(`${url}/f`);
    expect(error.message).toContain(digestOf(file));
    expect(await listFilesBelow(dir)).toEqual([]);
  });

  it("cut short by a server that does not say how long the file is, is found by its digest", async () => {
    const { url, server } = await startServer(() => {});
    server.removeAllListeners("request");
    server.on("request", (request) => {
      request.socket.end(Buffer.concat([Buffer.from("HTTP/1.0 200 OK\r\n\r\n"), file.subarray(0, 1_000)]));
    });
    const { run } = await setUp(`${url}/f`);
    expect((await labErrorOf(run())).code).toBe("DIGEST_MISMATCH");
  });

  it.each([401, 403, 404, 410])("is not tried again at status %i", async (status) => {
    const { url, requests } = await startServer((_request, response) => response.writeHead(status).end("no"));
    const { run, dir } = await setUp(`${url}/f`);
    const error = await labErrorOf(run());
    expect(error.code).toBe("DOWNLOAD_FAILED");
    expect(error.message).toContain(`${url}/f answers with status ${status}`);
    expect(requests).toHaveLength(1);
    expect(await listFilesBelow(dir)).toEqual([]);
  });

  it("is tried again at status 503, and given up in the end", async () => {
    let answers = 0;
    const { url } = await startServer((request, response) => {
      answers += 1;
      if (answers % 3 === 0) sendFile(request, response, file);
      else response.writeHead(503).end();
    });
    const { run, partPath } = await setUp(`${url}/f`);
    await run();
    expect(await holds(partPath, file)).toBe(true);
    const { run: runTwice } = await setUp(`${url}/f`, { triesMax: 2 });
    const error = await labErrorOf(runTwice());
    expect(error.message).toMatch(/\(2 tries\): .*status 503/);
  });

  it("follows redirects, but not for ever and not to other protocols", async () => {
    const { url, requests } = await startServer((request, response) => {
      if (request.url === "/f") response.writeHead(302, { location: "/g?x=1" }).end();
      else if (request.url === "/g?x=1") response.writeHead(307, { location: `${url}/h` }).end();
      else if (request.url === "/loop") response.writeHead(301, { location: "/loop" }).end();
      else if (request.url === "/out") response.writeHead(302, { location: "file:///etc/passwd" }).end();
      else sendFile(request, response, file);
    });
    const { run, partPath } = await setUp(`${url}/f`);
    await run();
    expect(await holds(partPath, file)).toBe(true);
    expect(requests.map((request) => request.url)).toEqual(["/f", "/g?x=1", "/h"]);
    const loop = await setUp(`${url}/loop`, { triesMax: 1 });
    expect((await labErrorOf(loop.run())).message).toMatch(/redirects more than 5 times/);
    const out = await setUp(`${url}/out`, { triesMax: 1 });
    expect((await labErrorOf(out.run())).message).toMatch(/redirects to file:.*not followed/);
  });

  it("gives up a server that stops in the middle, and goes on with the rest", async () => {
    let tries = 0;
    const { url } = await startServer((request, response) => {
      tries += 1;
      if (tries > 1) return sendFile(request, response, file);
      response.writeHead(200, { "content-length": file.length });
      response.write(file.subarray(0, 70_000));
    });
    const { run, partPath, lines } = await setUp(`${url}/f`, { idleTimeoutMs: 150 });
    await run();
    expect(await holds(partPath, file)).toBe(true);
    expect(lines.join("\n")).toMatch(
      /no byte for 150 ms, at byte 70000; trying again in 1 ms from byte 70000/,
    );
  });

  it("is patient with a server that is slow but alive", async () => {
    const { url } = await startServer((_request, response) => {
      response.writeHead(200, { "content-length": file.length });
      Readable.from(withPauses(file, 30_000, 60)).pipe(response);
    });
    const { run, partPath, lines } = await setUp(`${url}/f`, { idleTimeoutMs: 400, triesMax: 1 });
    await run();
    expect(await holds(partPath, file)).toBe(true);
    expect(lines).toEqual([]);
  });

  it("gives up a server that accepts and never answers", async () => {
    const { url } = await startServer(() => {});
    const { run } = await setUp(`${url}/f`, { idleTimeoutMs: 100, triesMax: 2 });
    expect((await labErrorOf(run())).message).toMatch(/did not answer within 100 ms/);
  });

  it("says at once that nobody is there", async () => {
    const { url, server } = await startServer(() => {});
    await new Promise((resolve) => server.close(resolve));
    const { run } = await setUp(`${url}/f`, { retryDelayMs: 60_000 });
    expect((await labErrorOf(run())).message).toMatch(/ECONNREFUSED/);
  });

  it("refuses a file larger than any release", async () => {
    const { url } = await startServer((_request, response) => {
      response.writeHead(200, { "content-length": 600 * 1024 * 1024 });
      response.write("x");
    });
    const { run } = await setUp(`${url}/f`);
    expect((await labErrorOf(run())).message).toMatch(/more than 536870912/);
  });

  it("ends at the signal, and goes on from there the next time", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    let first = true;
    const { url, requests } = await startServer((request, response) => {
      if (!first) return sendFile(request, response, file);
      first = false;
      response.writeHead(200, { "content-length": file.length });
      response.write(file.subarray(0, 64_000));
    });
    const { run, partPath } = await setUp(`${url}/f`, { signal: controller.signal });
    const outcome = run().catch((error: unknown) => error);
    await expect.poll(async () => (await readFile(partPath).catch(() => "")).length).toBe(64_000);
    controller.abort(reason);
    expect(await outcome).toBe(reason);
    const again = { url: new URL(`${url}/f`), partPath, env: {}, onProgress: () => {} };
    await download({ ...again, expected: { algorithm: "sha512", hex: digestOf(file), origin: "here" } });
    expect(rangeStart(requests[1]!)).toBe(64_000);
    expect(await holds(partPath, file)).toBe(true);
  });

  it("keeps names and passwords of addresses out of its messages, and sends them", async () => {
    const { url, requests } = await startServer((_request, response) => response.writeHead(403).end());
    const { run } = await setUp(`${url.replace("//", "//user:secret@")}/f?token=secret`);
    const error = await labErrorOf(run());
    expect(error.message).not.toContain("secret");
    expect(requests[0]!.headers.authorization).toBe(`Basic ${Buffer.from("user:secret").toString("base64")}`);
  });
});

describe("a proxy", () => {
  it("is asked for the whole address, with its own name and password", async () => {
    const { url, requests } = await startServer((request, response) => sendFile(request, response, file));
    const env = { http_proxy: url.replace("//", "//me:p%40ss@") };
    const { run, partPath } = await setUp("http://mirror.invalid:8080/zk/f?x=1", { env });
    await run();
    expect(await holds(partPath, file)).toBe(true);
    expect(requests[0]!.url).toBe("http://mirror.invalid:8080/zk/f?x=1");
    expect(requests[0]!.headers.host).toBe("mirror.invalid:8080");
    expect(requests[0]!.headers["proxy-authorization"]).toBe(
      `Basic ${Buffer.from("me:p@ss").toString("base64")}`,
    );
  });

  it("is asked for a tunnel to https addresses, and its refusal is reported", async () => {
    const { url, server } = await startServer(() => {});
    const asked: string[] = [];
    server.on("connect", (request, socket) => {
      asked.push(request.url!);
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    const { run } = await setUp("https://mirror.invalid/f", { env: { HTTPS_PROXY: url }, triesMax: 1 });
    const error = await labErrorOf(run());
    expect(error.message).toMatch(/the proxy 127\.0\.0\.1:\d+ refuses mirror\.invalid:443 with status 403/);
    expect(asked).toEqual(["mirror.invalid:443"]);
  });

  const target = new URL("http://mirror.example.org:8080/f");
  it.each([
    [{}, null],
    [{ HTTP_PROXY: "http://p:1" }, "http://p:1/"],
    [{ http_proxy: "p:3128" }, "http://p:3128/"],
    [{ http_proxy: "http://lower:1", HTTP_PROXY: "http://upper:1" }, "http://lower:1/"],
    [{ ALL_PROXY: "http://all:1" }, "http://all:1/"],
    [{ https_proxy: "http://p:1" }, null],
    [{ http_proxy: "http://p:1", no_proxy: "*" }, null],
    [{ http_proxy: "http://p:1", no_proxy: "example.org" }, null],
    [{ http_proxy: "http://p:1", NO_PROXY: "a, .example.org" }, null],
    [{ http_proxy: "http://p:1", no_proxy: "mirror.example.org:8080" }, null],
    [{ http_proxy: "http://p:1", no_proxy: "mirror.example.org:81" }, "http://p:1/"],
    [{ http_proxy: "http://p:1", no_proxy: "ample.org" }, "http://p:1/"],
    [{ http_proxy: "http://p:1", no_proxy: "" }, "http://p:1/"],
  ])("by %j is %s", (env, expected) => {
    expect(proxyFor(target, env)?.href ?? null).toBe(expected);
  });

  it("that cannot be used is an error", () => {
    expect(() => proxyFor(target, { http_proxy: "socks5://p:1" })).toThrow(/socks5 proxy is not supported/);
    expect(() => proxyFor(target, { http_proxy: "http://:x:" })).toThrow(/is no URL/);
    expect(proxyAuthorization(new URL("http://p:1"))).toBeNull();
  });
});

describe("the last step of the release chain", () => {
  const version = "3.4.99";
  const tarball = makeTarball(`zookeeper-${version}`, releaseFiles(version));

  async function provisioning(
    listener: Parameters<typeof startServer>[0],
    more: Record<string, string> = {},
  ) {
    const dir = await temporaryDirectory();
    const { url, requests } = await startServer(listener);
    const env = {
      ZK_LAB_CACHE: join(dir, "cache"),
      ZK_LAB_MIRROR: `${url}/dist/`,
      PATH: "/nowhere",
      ...more,
    };
    return { dir, url, requests, provision: () => provisionRelease({ version, env }) };
  }

  it("downloads the tarball, and serves it from the cache from then on", async () => {
    const { provision, requests, dir } = await provisioning(
      (request, response) => sendFile(request, response, tarball),
      { ZK_LAB_SHA512: digestOf(tarball) },
    );
    const release = await provision();
    expect(release).toMatchObject({
      version,
      source: "asf-archive",
      origin: "asf-archive",
      ownScripts: true,
    });
    expect(requests.map((request) => request.url)).toEqual([
      `/dist/zookeeper-${version}/zookeeper-${version}.tar.gz`,
    ]);
    expect(await provision()).toEqual({ ...release, source: "cache" });
    expect(requests).toHaveLength(1);
    expect(await listFilesBelow(join(dir, "cache", "downloads"))).toEqual([]);
  });

  it("takes a mirror that names the file itself", async () => {
    const { url, requests } = await startServer((request, response) => sendFile(request, response, tarball));
    const dir = await temporaryDirectory();
    const env = {
      ZK_LAB_CACHE: dir,
      ZK_LAB_MIRROR: `${url}/mine.tgz`,
      ZK_LAB_SHA512: digestOf(tarball),
      PATH: "",
    };
    expect(await provisionRelease({ version, env })).toMatchObject({ source: "asf-archive" });
    expect(requests[0]!.url).toBe("/mine.tgz");
  });

  it("never uses a download without a digest known beforehand", async () => {
    const { provision, requests } = await provisioning((request, response) =>
      sendFile(request, response, tarball),
    );
    const error = await labErrorOf(provision());
    expect(error.code).toBe("NO_RELEASE");
    expect(error.message).toMatch(/no digest of the 3\.4\.99 tarball is known .* set ZK_LAB_SHA512/);
    expect(requests).toEqual([]);
  });

  it("ends the search at a wrong digest", async () => {
    const { provision, dir } = await provisioning(
      (request, response) => sendFile(request, response, tarball),
      {
        ZK_LAB_SHA512: digestOf(file),
      },
    );
    expect((await labErrorOf(provision())).code).toBe("DIGEST_MISMATCH");
    expect(await listFilesBelow(dir)).toEqual([]);
  });

  it("is a miss with its reason when the file is not there, or is another release", async () => {
    const { provision } = await provisioning((_request, response) => response.writeHead(404).end(), {
      ZK_LAB_SHA512: digestOf(tarball),
    });
    expect((await labErrorOf(provision())).message).toMatch(/asf-archive: .* answers with status 404/);
    const other = makeTarball("r", releaseFiles("3.4.5"));
    const { provision: again } = await provisioning(
      (request, response) => sendFile(request, response, other),
      {
        ZK_LAB_SHA512: digestOf(other),
      },
    );
    expect((await labErrorOf(again())).message).toMatch(/holds ZooKeeper 3\.4\.5, not 3\.4\.99/);
    const { provision: odd } = await provisioning(() => {}, { ZK_LAB_MIRROR: "ftp://mirror.invalid/" });
    expect((await labErrorOf(odd())).message).toMatch(/ZK_LAB_MIRROR is no http or https URL/);
  });
});
