import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { createServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, it, onTestFinished } from "vitest";
import { findJava } from "../../src/release/index.js";
import { compileRelease } from "./compiled-sources.js";
import { startServer } from "./http-server.js";
import { digestOf, temporaryDirectory } from "./support.js";

const run = promisify(execFile);
const file = randomBytes(200_000);
const program = `
import { download } from "./dist/release/download.js";
const [url, partPath, hex] = process.argv.slice(2);
const expected = { algorithm: "sha512", hex, origin: "the test" };
await download({ url: new URL(url), partPath, expected, env: process.env, onProgress: console.error, triesMax: 1 }).then(
  () => console.log("whole"),
  (error) => console.log(error.code, error.message),
);
`;
let compiled: string;

beforeAll(async () => {
  compiled = await compileRelease({ "download.mjs": program });
  return () => rm(compiled, { recursive: true, force: true });
});

/** A key for these names, made by the tool that comes with every Java, and its certificate in PEM. */
async function makeCertificate(
  dir: string,
  names: readonly string[],
): Promise<{ pfx: Buffer; pemPath: string }> {
  const java = await findJava();
  const tool = join(java.home === null ? dirname(java.path) : join(java.home, "bin"), "keytool");
  const store = [
    "-alias",
    "a",
    "-storetype",
    "PKCS12",
    "-keystore",
    join(dir, "key.p12"),
    "-storepass",
    "changeit",
  ];
  const san = names.map((name) => `dns:${name}`).join(",");
  await run(tool, [
    "-genkeypair",
    "-keyalg",
    "EC",
    "-dname",
    "CN=zk-lab-test",
    "-ext",
    `san=${san}`,
    ...store,
  ]);
  await run(tool, ["-exportcert", "-rfc", "-file", join(dir, "cert.pem"), ...store]);
  return { pfx: await readFile(join(dir, "key.p12")), pemPath: join(dir, "cert.pem") };
}

it("an https file comes through a proxy's tunnel, with the server's own certificate checked", async () => {
  const dir = await temporaryDirectory();
  const { pfx, pemPath } = await makeCertificate(dir, ["mirror.invalid"]);
  const secure = createServer({ pfx, passphrase: "changeit" }, (request, response) => {
    response
      .writeHead(200, { "content-length": file.length })
      .end(request.headers.host === "mirror.invalid" ? file : "");
  });
  await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void secure.close());
  const { url, server } = await startServer(() => {});
  const asked: string[] = [];
  server.on("connect", (request, socket) => {
    asked.push(request.url!);
    const onward = connect((secure.address() as AddressInfo).port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      onward.pipe(socket);
      socket.pipe(onward);
    });
    for (const end of [onward, socket]) end.on("error", () => {});
  });
  const get = async (address: string, env: Record<string, string>): Promise<string> => {
    const args = [join(compiled, "download.mjs"), address, join(dir, "part"), digestOf(file)];
    return (await run(process.execPath, args, { env: { https_proxy: url, ...env } })).stdout;
  };
  const trusting = { NODE_EXTRA_CA_CERTS: pemPath };
  expect(await get("https://other.invalid/f", trusting)).toMatch(
    /^DOWNLOAD_FAILED .*does not match certificate/,
  );
  expect(await get("https://mirror.invalid/f", {})).toMatch(/^DOWNLOAD_FAILED .*self-signed certificate/);
  expect(await get("https://mirror.invalid/f", trusting)).toBe("whole\n");
  expect(file.equals(await readFile(join(dir, "part")))).toBe(true);
  expect(asked).toEqual(["other.invalid:443", "mirror.invalid:443", "mirror.invalid:443"]);
});
