import { execFile } from "node:child_process";
import { lstat, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { listFilesBelow } from "../../src/release/files.js";
import { unpackTar } from "../../src/release/tar.js";
import { labErrorOf, makeTar, type TarPart, temporaryDirectory, writeTree } from "./support.js";

/** Unpacks an archive of these bytes into a folder inside a folder, so that whatever escapes is seen. */
async function unpack(bytes: Uint8Array, wanted: (path: string) => boolean = () => true) {
  const dir = await temporaryDirectory();
  const archive = join(dir, "a.tar.gz");
  const targetDir = join(dir, "outer", "inner");
  await mkdir(targetDir, { recursive: true });
  await writeFile(archive, bytes);
  return { dir, targetDir, done: unpackTar({ archive, targetDir, wanted }) };
}

const long = `${"d".repeat(60)}/${"e".repeat(60)}/${"f".repeat(90)}.txt`;
const pax = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`;
  const digits = String(rest.length + 2).length + rest.length;
  return `${digits}${rest}`;
};

describe("unpacking", () => {
  it("writes files with their content and whether they run, and nothing else of their mode", async () => {
    const parts: TarPart[] = [
      { name: "r/", type: "5", mode: 0o755 },
      { name: "r/bin/run.sh", content: "#!/bin/sh\n", mode: 0o6755 },
      { name: "r/lib/a.bin", content: Buffer.alloc(1_000_000, 7), mode: 0o600 },
      { name: "./r/empty" },
      { name: "r/block", content: Buffer.alloc(512, 1) },
      { name: "r/old-style", content: "x", type: "\0" },
      { name: "r/skipped", content: Buffer.alloc(70_000, 1) },
    ];
    const { targetDir, done } = await unpack(gzipSync(makeTar(parts)), (path) => path !== "r/skipped");
    expect(await done).toBe(5);
    expect(await listFilesBelow(targetDir)).toEqual([
      "r/bin/run.sh",
      "r/block",
      "r/empty",
      "r/lib/a.bin",
      "r/old-style",
    ]);
    expect((await stat(join(targetDir, "r/bin/run.sh"))).mode & 0o7777).toBe(0o755);
    expect((await stat(join(targetDir, "r/lib/a.bin"))).mode & 0o7111).toBe(0);
    expect(Buffer.alloc(1_000_000, 7).equals(await readFile(join(targetDir, "r/lib/a.bin")))).toBe(true);
  });

  it("reads archives without compression", async () => {
    const { targetDir, done } = await unpack(makeTar([{ name: "a", content: "plain" }]));
    await done;
    expect(await readFile(join(targetDir, "a"), "utf8")).toBe("plain");
  });

  it("takes a second entry of one name for the newer one", async () => {
    const { targetDir, done } = await unpack(
      makeTar([
        { name: "a", content: "older and longer" },
        { name: "a", content: "newer" },
      ]),
    );
    await done;
    expect(await readFile(join(targetDir, "a"), "utf8")).toBe("newer");
  });

  it("knows the long names of GNU tar and of pax", async () => {
    const { targetDir, done } = await unpack(
      makeTar([
        { name: "././@LongLink", type: "L", content: `${long}\0` },
        { name: "d", content: "gnu" },
        { name: "global", type: "g", content: pax("comment", "x") },
        { name: "PaxHeaders/a", type: "x", content: pax("path", `p/${long}`) },
        { name: "p", content: "pax" },
        { name: "after", content: "its own name" },
      ]),
    );
    await done;
    expect(await listFilesBelow(targetDir)).toEqual(["after", long, `p/${long}`]);
    expect(await readFile(join(targetDir, long), "utf8")).toBe("gnu");
    expect(await readFile(join(targetDir, "p", long), "utf8")).toBe("pax");
  });

  it.each(["ustar", "pax", "gnu"])("reads what the system's tar writes as %s", async (format) => {
    const dir = await temporaryDirectory();
    const path = `${"d".repeat(60)}/${"f".repeat(60)}.txt`;
    await writeTree(join(dir, "made"), {
      [path]: "deep",
      "é.txt": "accent",
      "b.bin": Buffer.alloc(3_000, 3),
    });
    await promisify(execFile)("tar", [
      "--format",
      format,
      "-czf",
      join(dir, "a.tgz"),
      "-C",
      join(dir, "made"),
      ".",
    ]);
    await mkdir(join(dir, "out"));
    await unpackTar({ archive: join(dir, "a.tgz"), targetDir: join(dir, "out"), wanted: () => true });
    expect(await listFilesBelow(join(dir, "out"))).toEqual(await listFilesBelow(join(dir, "made")));
    expect(await readFile(join(dir, "out", path), "utf8")).toBe("deep");
  });

  it("replaces a link by a copy of the file it names", async () => {
    const { targetDir, done } = await unpack(
      makeTar([
        { name: "r/bin/link", type: "2", target: "../lib/a" },
        { name: "r/hard", type: "1", target: "r/lib/a" },
        { name: "r/lib/a", content: "the file" },
      ]),
    );
    expect(await done).toBe(3);
    for (const path of ["r/bin/link", "r/hard"]) {
      expect((await lstat(join(targetDir, path))).isSymbolicLink()).toBe(false);
      expect(await readFile(join(targetDir, path), "utf8")).toBe("the file");
    }
  });

  it("ends with the signal's reason", async () => {
    const dir = await temporaryDirectory();
    await writeFile(join(dir, "a.tar"), makeTar([{ name: "a" }]));
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await expect(
      unpackTar({ archive: join(dir, "a.tar"), targetDir: dir, wanted: () => true, signal }),
    ).rejects.toBe(reason);
  });
});

describe("a hostile archive", () => {
  const cases: Record<string, TarPart[]> = {
    "climbs out": [{ name: "../escaped", content: "x" }],
    "climbs out from below": [{ name: "r/../../escaped", content: "x" }],
    "climbs without leaving": [{ name: "r/../a", content: "x" }],
    "names an absolute path": [{ name: "/tmp/zk-lab-escaped", content: "x" }],
    "names a drive": [{ name: "C:/escaped", content: "x" }],
    "uses backslashes": [{ name: "r\\..\\..\\escaped", content: "x" }],
    "has a directory that climbs": [{ name: "../escaped/", type: "5" }],
    "has an entry without a name": [{ name: "", content: "x" }],
    "has a file named like its folder": [{ name: "./", type: "7", content: "x" }],
    "links out": [{ name: "r/link", type: "2", target: "../../escaped" }],
    "links to an absolute path": [{ name: "r/link", type: "2", target: "/etc/passwd" }],
    "links to what is not there": [{ name: "r/link", type: "2", target: "nothing" }],
    "links to a directory": [
      { name: "r/", type: "5" },
      { name: "r/link", type: "2", target: "." },
    ],
    "hard-links out": [{ name: "r/link", type: "1", target: "../escaped" }],
    "hard-links to an absolute path": [{ name: "r/link", type: "1", target: "/etc/passwd" }],
    "writes through a link": [
      { name: "r/link", type: "2", target: "../../outer" },
      { name: "r/link/escaped", content: "x" },
    ],
    "has a device": [{ name: "r/null", type: "3" }],
    "has a pipe": [{ name: "r/pipe", type: "6" }],
    "climbs by a long name of GNU tar": [
      { name: "././@LongLink", type: "L", content: "../escaped\0" },
      { name: "ok", content: "x" },
    ],
    "climbs by a path of pax": [
      { name: "h", type: "x", content: pax("path", "../escaped") },
      { name: "ok", content: "x" },
    ],
    "links out by a linkpath of pax": [
      { name: "h", type: "x", content: pax("linkpath", "../../escaped") },
      { name: "ok", type: "2", target: "a" },
    ],
    "claims to unpack to more than there is room for": [
      { name: "a", content: "x", claimedBytes: 0o77777777777 },
    ],
    "has a name of megabytes": [{ name: "././@LongLink", type: "L", content: Buffer.alloc(1_000_000, 0x61) }],
  };

  it.each(Object.entries(cases))("that %s is refused, and nothing is outside", async (_title, parts) => {
    const { dir, done } = await unpack(gzipSync(makeTar(parts)));
    const error = await labErrorOf(done);
    expect(error).toMatchObject({ code: "BAD_ARCHIVE", details: { kind: "hostile" } });
    expect(error.message).toContain("a.tar.gz");
    const outside = (await listFilesBelow(dir)).filter((path) => !path.startsWith("outer/inner/"));
    expect(outside).toEqual(["a.tar.gz"]);
  });

  it("is refused for names that nobody wants as well", async () => {
    const parts = [
      { name: "ok", content: "x" },
      { name: "../escaped", content: "x" },
    ];
    const { done } = await unpack(makeTar(parts), (path) => path === "ok");
    expect((await labErrorOf(done)).details["kind"]).toBe("hostile");
  });

  it("with a file where a folder should be is an error, not a crash", async () => {
    const { done } = await unpack(
      makeTar([
        { name: "a", content: "x" },
        { name: "a/b", content: "y" },
      ]),
    );
    expect((await labErrorOf(done)).code).toBe("BAD_ARCHIVE");
  });
});

describe("a damaged archive", () => {
  const whole = gzipSync(
    makeTar([
      {
        name: "r/a",
        content: Buffer.from(Array.from({ length: 6_000 }, (_, index) => (index * 7919) % 251)),
      },
      { name: "r/b", content: "the end" },
    ]),
  );

  it("is found wherever it is cut", async () => {
    for (let bytes = 0; bytes < whole.length; bytes += 83) {
      const { done } = await unpack(whole.subarray(0, bytes));
      expect(await labErrorOf(done)).toMatchObject({ code: "BAD_ARCHIVE", details: { kind: "damaged" } });
    }
  });

  it("is found whichever byte of its content is changed", async () => {
    // The first ten bytes are gzip's header, of which the time and the system say nothing about the content.
    for (let index = 10; index < whole.length; index += 101) {
      const changed = Buffer.from(whole);
      changed[index] = changed[index]! ^ 0x20;
      const { done } = await unpack(changed);
      expect((await labErrorOf(done)).code).toBe("BAD_ARCHIVE");
    }
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["a text", Buffer.from("<html>not found</html>".repeat(100))],
    ["zeros only", Buffer.alloc(2048)],
    ["no end", makeTar([{ name: "a", content: "x" }], false)],
  ])("is what holds %s", async (_title, bytes) => {
    const { done } = await unpack(bytes);
    expect(await labErrorOf(done)).toMatchObject({ code: "BAD_ARCHIVE", details: { kind: "damaged" } });
  });
});
