import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UsageError } from "../program/errors.js";
import { type ConfigFile, userConfigPath, writeConfig } from "./config-files.js";
import { type ConnectionFlags, resolveSettings, type Settings } from "./settings.js";

let folder: string;
let env: Record<string, string>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zk-settings-"));
  env = { HOME: folder, XDG_CONFIG_HOME: join(folder, "config"), XDG_CONFIG_DIRS: join(folder, "system") };
  mkdirSync(join(folder, "repo/.git"), { recursive: true });
  mkdirSync(join(folder, "repo/a/b"), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const user = (config: ConfigFile): void => writeConfig(userConfigPath(env), config);
const system = (config: ConfigFile): void => writeConfig(join(folder, "system/zk/config.json"), config);
const project = (value: unknown): void =>
  writeFileSync(join(folder, "repo/.zkrc.json"), JSON.stringify(value));
const resolve = (flags: ConnectionFlags = {}, more: Record<string, string> = {}): Settings =>
  resolveSettings(flags, { ...env, ...more }, join(folder, "repo/a/b"));
const sourceOf = (settings: Settings, name: string): string =>
  settings.explained.find(({ setting }) => setting === name)!.source;
const prod = {
  servers: "prod:1",
  chroot: "/shop",
  readOnly: true,
  authFile: "~/prod.auth",
  protect: ["/kafka"],
};

describe("settings", () => {
  it("are the default ones where nobody says anything", () => {
    expect(resolve()).toMatchObject({
      context: null,
      servers: "127.0.0.1:2181",
      chroot: "/",
      readOnly: false,
      timeoutMs: undefined,
      auth: { kind: "none" },
    });
  });

  it("come from the strongest who names them", () => {
    system({ current: "s", contexts: { s: { servers: "system:1" } } });
    expect(resolve().servers).toBe("system:1");
    user({ current: "u", contexts: { u: { servers: "user:1" } } });
    expect(resolve().servers).toBe("user:1");
    project({ servers: "project:1" });
    expect(resolve().servers).toBe("project:1");
    expect(resolve({}, { ZK_HOST: "solr:1/solr" })).toMatchObject({ servers: "solr:1", chroot: "/solr" });
    expect(resolve({}, { ZK_HOST: "solr:1", ZK_SERVERS: "variable:1" }).servers).toBe("variable:1");
    const flagged = resolve({ servers: "flag:1" }, { ZK_SERVERS: "variable:1" });
    expect(flagged.servers).toBe("flag:1");
    expect(
      flagged.explained.find(({ setting }) => setting === "servers")?.overrides.map(({ source }) => source),
    ).toEqual(["ZK_SERVERS", join(folder, "repo/.zkrc.json")]);
  });

  it("of a context are taken whole, or not at all", () => {
    user({ current: "prod", contexts: { prod } });
    expect(resolve()).toMatchObject({
      context: "prod",
      servers: "prod:1",
      chroot: "/shop",
      readOnly: true,
      protect: ["/kafka"],
      auth: { kind: "file", path: join(folder, "prod.auth") },
    });
    // Credentials and chroot of prod never meet another ensemble.
    expect(resolve({}, { ZK_SERVERS: "dev:1" })).toMatchObject({
      context: null,
      servers: "dev:1",
      chroot: "/",
      readOnly: false,
      auth: { kind: "none" },
    });
    expect(resolve({ context: "prod" }, { ZK_SERVERS: "dev:1" })).toMatchObject({
      context: "prod",
      servers: "prod:1",
    });
    expect(() => resolve({ context: "prod", servers: "x:1" })).toThrow(/give one of them/);
  });

  it("name the context that is meant, or say that there is none", () => {
    user({ contexts: { prod, dev: { servers: "dev:1" } } });
    expect(resolve().context).toBeNull();
    expect(resolve({}, { ZK_CONTEXT: "dev" })).toMatchObject({ context: "dev", servers: "dev:1" });
    project({ context: "prod" });
    expect(resolve().context).toBe("prod");
    try {
      resolve({ context: "prdo" });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      expect((error as UsageError).hint).toBe("did you mean prod?");
    }
  });

  it("keep a chroot with the servers that it was written for", () => {
    user({ current: "c", contexts: { c: { servers: "h:1/in-string" } } });
    expect(resolve().chroot).toBe("/in-string");
    expect(resolve({ chroot: "/flag" }).chroot).toBe("/flag");
    project({ servers: "p:1", chroot: "/p" });
    expect(resolve().chroot).toBe("/p");
    expect(resolve({}, { ZK_SERVERS: "other:1" }).chroot).toBe("/");
  });

  it("let a project make things safer only", () => {
    user({ current: "prod", contexts: { prod: { ...prod, readOnly: false } } });
    project({ readOnly: true, protect: ["/mine"] });
    expect(resolve()).toMatchObject({ readOnly: true, protect: ["/mine", "/kafka"] });
    expect(resolve({ readWrite: true }).readOnly).toBe(false);
    expect(resolve({}, { ZK_READONLY: "0" }).readOnly).toBe(false);
    project({ readOnly: false });
    expect(() => resolve()).toThrow(/may switch read-only on, never off/);
    for (const secret of ["authFile", "authCommand", "auth", "password"]) {
      project({ [secret]: "x" });
      expect(() => resolve()).toThrow(/holds no credentials/);
    }
  });

  it("stop at the root of the repository", () => {
    writeFileSync(join(folder, ".zkrc.json"), JSON.stringify({ servers: "outside:1" }));
    expect(resolve().servers).toBe("127.0.0.1:2181");
  });

  it("say who is wrong", () => {
    expect(() => resolve({}, { ZK_TIMEOUT: "soon" })).toThrow(/ZK_TIMEOUT: it must be a time/);
    expect(() => resolve({}, { ZK_READONLY: "maybe" })).toThrow(/ZK_READONLY must be 1 or 0/);
    expect(() => resolve({ readOnly: true, readWrite: true })).toThrow(/exclude each other/);
    expect(() => resolve({}, { ZK_CHROOT: "shop" })).toThrow(/must begin with/);
    project({ servres: "x:1" });
    expect(() => resolve()).toThrow(/"servres" is not known; there are servers/);
    project({ timeoutMs: "5" });
    expect(() => resolve()).toThrow(/"timeoutMs" must be milliseconds/);
    writeFileSync(join(folder, "repo/.zkrc.json"), "{");
    expect(() => resolve()).toThrow(/is not JSON/);
    project([]);
    expect(() => resolve()).toThrow(/must be an object/);
  });

  it("are explained with their sources", () => {
    user({ current: "prod", contexts: { prod } });
    const settings = resolve({}, { ZK_TIMEOUT: "2m" });
    expect(sourceOf(settings, "timeoutMs")).toBe("ZK_TIMEOUT");
    expect(settings.timeoutMs).toBe(120_000);
    expect(sourceOf(settings, "servers")).toContain("context prod");
    expect(sourceOf(resolve({}, { ZK_SERVERS: "x:1" }), "context")).toMatch(
      /prod .* is not used: ZK_SERVERS names other servers/,
    );
    expect(JSON.stringify(settings.explained)).not.toContain("password");
  });

  it("are kept where only their owner reads them", () => {
    user({ contexts: { prod } });
    expect(statSync(userConfigPath(env)).mode & 0o077).toBe(0);
  });
});
