// What `.ci/run` makes of the ways in which a run can end. A stand-in for npx plays each of them.
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";

const script = fileURLToPath(new URL("../.ci/run", import.meta.url));
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Runs `.ci/run` with programs of our own in front of the PATH. */
async function ciRun(
  programs: Record<string, string>,
  path = process.env["PATH"] ?? "",
): Promise<{ code: number | null; lines: string[]; errors: string; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), "zk-ci-"));
  folders.push(folder);
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const [name, body] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${body.replaceAll("$FOLDER", folder)}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  // No test of this script is to start an engine for this machine.
  const env = { PATH: `${bin}:${path}`, HOME: folder, ZK_CI_ENGINE: "no" };
  const child = spawn("/bin/bash", [script], { env });
  let out = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, lines: out.trimEnd().split("\n"), errors, folder };
}

const present = {
  java: "exit 0",
  javac: "exit 0",
  mvn: "exit 0",
  python3: "exit 0",
  zsh: "exit 0",
  fish: "exit 0",
};

describe(".ci/run", () => {
  it("hands on a green run, and runs the README's command without input", async () => {
    const npx = 'echo "args: $*, CI: $CI, input: $(cat)"; printf "3 passed, 0 failed\\n"';
    const { code, lines } = await ciRun({ ...present, npx });
    expect(lines[0]).toBe("args: -y pnpm@10 test, CI: true, input: ");
    expect(lines.at(-1)).toBe("3 passed, 0 failed");
    expect(code).toBe(0);
  });

  it("says the count again after what pnpm adds to a failed run", async () => {
    const npx = 'printf "3 passed, 2 failed\\n ELIFECYCLE  Test failed.\\n"; exit 1';
    const { code, lines } = await ciRun({ ...present, npx });
    expect(lines.at(-1)).toBe("3 passed, 2 failed");
    expect(code).toBe(1);
  });

  it("counts a run that ends before its count as a failure", async () => {
    const { code, lines } = await ciRun({ ...present, npx: 'echo "ERR_PNPM_OUTDATED_LOCKFILE"; exit 1' });
    expect(lines.at(-1)).toBe("0 passed, 1 failed");
    expect(code).toBe(1);
  });

  it("does not take a clean exit without a count for success", async () => {
    const { code, lines } = await ciRun({ ...present, npx: "exit 0" });
    expect(lines.at(-1)).toBe("0 passed, 1 failed");
    expect(code).toBe(1);
  });

  it("believes neither a green count with a bad exit code nor the other way round", async () => {
    const crashed = await ciRun({ ...present, npx: 'echo "7 passed, 0 failed"; exit 134' });
    expect(crashed.lines.at(-1)).toBe("7 passed, 1 failed");
    expect(crashed.code).toBe(134);
    const lied = await ciRun({ ...present, npx: 'echo "7 passed, 1 failed"; exit 0' });
    expect(lied.lines.at(-1)).toBe("7 passed, 1 failed");
    expect(lied.code).toBe(1);
  });

  it("says so when Node is missing", async () => {
    const { code, lines, errors } = await ciRun({}, "/nonexistent");
    expect(errors).toContain("there is no node on the PATH");
    expect(lines.at(-1)).toBe("0 passed, 1 failed");
    expect(code).toBe(69);
  });

  describe("on a machine that lacks something", () => {
    // A PATH with the few programs that the script itself uses, so that what is to be missing is really not there.
    const link = (name: string) => `exec ${name === "cat" ? "/bin/cat" : `/usr/bin/${name}`} "$@"`;
    const tools = Object.fromEntries(
      ["cat", "mktemp", "rm", "dirname", "grep", "tail", "tee"].map((name) => [name, link(name)]),
    );
    const npx = "echo '1 passed, 0 failed'";
    const asRoot = { ...tools, npx, node: "exit 0", id: "echo 0", "apt-get": 'echo "apt-get $*"' };
    const nothingElse = "/nonexistent";

    it("installs all of it as root", async () => {
      // This release of Debian has no openjdk-17.
      const known = "openjdk-21-jdk-headless|maven|python3|python3-venv|zsh|fish";
      const aptCache = `case "$2" in ${known}) exit 0 ;; *) exit 1 ;; esac`;
      const { code, errors, lines } = await ciRun({ ...asRoot, "apt-cache": aptCache }, nothingElse);
      const said = lines.join("\n");
      expect(said).toContain("apt-get update");
      expect(said).toMatch(/apt-get install .*openjdk-21-jdk-headless/);
      expect(said).toMatch(/apt-get install .*maven/);
      expect(said).toMatch(/apt-get install .*python3\n/);
      expect(said).toMatch(/apt-get install .*python3-venv/);
      expect(said).toMatch(/apt-get install .*zsh\n/);
      expect(said).toMatch(/apt-get install .*fish\n/);
      expect(errors).toBe("");
      expect(lines.at(-1)).toBe("1 passed, 0 failed");
      expect(code).toBe(0);
    });

    it("installs a compiler where there is a Java runtime alone", async () => {
      const { javac: _none, ...others } = present;
      const { lines } = await ciRun({ ...asRoot, ...others, "apt-cache": "exit 0" }, nothingElse);
      const said = lines.filter((line) => line.startsWith("apt-get install")).join("\n");
      expect(said).toMatch(/openjdk-17-jdk-headless$/);
    });

    it("installs venv where Python has neither that nor pip", async () => {
      const python3 = 'case "$*" in *import*) exit 1 ;; esac';
      const { lines } = await ciRun({ ...asRoot, ...present, python3, "apt-cache": "exit 0" }, nothingElse);
      const said = lines.filter((line) => line.startsWith("apt-get install")).join("\n");
      expect(said).toMatch(/python3-venv$/);
      expect(said).not.toContain("jdk");
    });

    it("goes on without it as anybody else, and says what is missing", async () => {
      const { errors, lines } = await ciRun({ ...tools, npx, node: "exit 0", id: "echo 1000" }, nothingElse);
      expect(errors).toContain(
        "java, javac, mvn or python3 (with pip or venv) is missing and cannot be installed from here",
      );
      expect(lines.at(-1)).toBe("1 passed, 0 failed");
    });
  });
});
