// The rules of this repository as a program. The second half shows that each rule bites: a rule that never fires is a wish.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { checkCircles } from "./tidy/circles.js";
import { checkDisposal } from "./tidy/disposal.js";
import { checkExports } from "./tidy/exports.js";
import { projectFiles } from "./tidy/files.js";
import { checkLayers, layers } from "./tidy/layers.js";
import { checkManifest, type Manifest, type Package } from "./tidy/manifests.js";
import { checkPureZone } from "./tidy/pure-zone.js";
import { format, isCode, type SourceFile, type Violation } from "./tidy/rule.js";
import { checkTestHabits } from "./tidy/test-habits.js";
import {
  checkHosts,
  checkLinks,
  checkMachinePaths,
  checkName,
  checkPromises,
  checkSize,
} from "./tidy/text.js";
import { packageDirectories } from "./workspace.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const files = projectFiles(root);
const code = files.filter((file) => isCode(file.path));

const manifestOf = (directory: string): Manifest =>
  JSON.parse(readFileSync(join(root, directory, "package.json"), "utf8"));

const packages: Package[] = packageDirectories(root).map((directory) => ({
  directory,
  manifest: manifestOf(directory),
  files: code.filter((file) => file.path.startsWith(`${directory}/`)),
}));

function violations(checked: readonly SourceFile[], rule: (file: SourceFile) => Violation[]): string[] {
  return checked.flatMap(rule).map(format);
}

describe("the tree", () => {
  it("is seen by the rules", () => {
    expect(code.map((file) => file.path)).toContain("packages/client/src/core/index.ts");
    expect(packages.map(({ manifest }) => manifest.name)).toContain("@zk/lab");
    expect(files.filter((file) => /(^|\/)(node_modules|dist)\//.test(file.path))).toEqual([]);
  });

  it("imports downwards only", () => expect(violations(code, checkLayers)).toEqual([]));
  it("imports nothing in a circle", () => expect(checkCircles(code).map(format)).toEqual([]));
  it("names time, chance and the process only in io/", () =>
    expect(violations(code, checkPureZone)).toEqual([]));
  it("disposes of nothing that a promise still needs", () =>
    expect(violations(code, checkDisposal)).toEqual([]));
  it("lists its exports by name", () => expect(violations(code, checkExports)).toEqual([]));
  it("has no partial and no sleeping tests", () => expect(violations(code, checkTestHabits)).toEqual([]));
  it("has files of a readable size", () => expect(violations(files, checkSize)).toEqual([]));
  it("has tidy names", () => expect(violations(files, checkName)).toEqual([]));
  it("names no registry host", () => expect(violations(files, checkHosts)).toEqual([]));
  it("names no path of one machine", () => expect(violations(files, checkMachinePaths)).toEqual([]));
  it("makes no promise without an issue", () => expect(violations(files, checkPromises)).toEqual([]));
  it("has links that lead somewhere", () => {
    const exists = (path: string) => existsSync(join(root, path));
    expect(violations(files, (file) => checkLinks(file, exists))).toEqual([]);
  });
  it("declares what it imports, and nothing else", () => {
    expect(packages.flatMap((each) => checkManifest(each, manifestOf("."))).map(format)).toEqual([]);
  });
});

/** A rule, a file that breaks it, what the rule says of it. Without words the file is one that the rule must let pass. */
type Case = [path: string, text: string, says?: RegExp];

function bites(rule: (file: SourceFile) => Violation[], cases: Case[]): void {
  it.each(cases.map(([path, text, says]) => ({ path, text, says, title: text.slice(0, 60).split("\n")[0] })))(
    "$path: $title",
    ({ path, text, says }) => {
      const found = rule({ path, text }).map(format);
      if (says === undefined) expect(found).toEqual([]);
      else expect(found.join("\n")).toMatch(says);
    },
  );
}

describe("disposal", () => {
  bites(checkDisposal, [
    ["a.ts", "async function f() { using x = g(); return h(x); }", /a\.ts:1: disposal: .*return await/],
    ["a.ts", "const f = async () => { await using x = g(); if (x) return h(x); };", /return await/],
    ["a.ts", "class A { async f() { using x = g(); return this.#h(x); } #h(x) {} }", /return await/],
    ["a.ts", "async function f() { using x = g(); return await h(x); }"],
    ["a.ts", "async function f() { using x = g(); return x.length; }"],
    ["a.ts", "async function f() { using x = g(); await x.map((y) => { return h(y); }); }"],
    ["a.ts", "async function f() { return h(); }"],
  ]);
});

describe("layers", () => {
  bites(checkLayers, [
    ["packages/protocol/src/a.ts", 'import { x } from "@zk/client";', /protocol may import no package/],
    ["packages/protocol/src/a.ts", 'import fs from "node:fs";', /may not import node:fs/],
    ["packages/protocol/src/a.ts", 'import x from "lodash";', /may not import the package lodash/],
    ["packages/protocol/src/a.ts", 'import { x } from "./jute/reader.js";'],
    ["packages/client/src/core/a.ts", 'import { x } from "../io/driver.js";', /client core may not reach/],
    ["packages/client/src/core/a.ts", 'import type { X } from "../client.js";', /client core may not reach/],
    ["packages/client/src/core/a.ts", 'const x = await import("node:net");', /may not import node:net/],
    [
      "packages/client/src/core/a.ts",
      'type X = import("../options.js").Options;',
      /client core may not reach/,
    ],
    ["packages/client/src/core/a.ts", 'export { x } from "../io/tcp.js";', /client core may not reach/],
    ["packages/client/src/core/a.ts", 'import { x } from "@zk/protocol"; import { y } from "./b.js";'],
    ["packages/client/src/io/a.ts", 'import { x } from "../client.js";', /client io may not reach/],
    ["packages/client/src/io/a.ts", 'import { connect } from "node:net"; import { y } from "../core/b.js";'],
    [
      "packages/client/src/client.ts",
      'import { x } from "./testing/clock.js";',
      /client facade may not reach/,
    ],
    [
      "packages/client/src/client.ts",
      'import { x } from "@zk/recipes";',
      /only @zk\/protocol, not @zk\/recipes/,
    ],
    ["packages/client/src/client.ts", 'import { x } from "./io/driver.js"; import { y } from "./errors.js";'],
    [
      "packages/recipes/src/lock.ts",
      'import { x } from "@zk/protocol";',
      /only @zk\/client, not @zk\/protocol/,
    ],
    ["packages/recipes/src/lock.ts", 'import { x } from "@zk/client/testing";', /not @zk\/client\/testing/],
    ["packages/recipes/src/lock.ts", 'import { x } from "../../client/src/client.js";', /may not reach/],
    ["packages/recipes/src/lock.test.ts", 'import { x } from "@zk/lab";', /tests of recipes may import only/],
    ["packages/cli/src/a.ts", 'import { x } from "@zk/lab";', /cli may import only/],
    ["packages/cli/src/a.ts", 'import { Command } from "commander"; import { x } from "@zk/recipes";'],
    ["lab/zoo_cluster/src/a.ts", 'import { x } from "@zk/client";', /lab may import only @zk\/protocol/],
    ["lab/zoo_cluster/tests/a.test.ts", 'import { x } from "@zk/client";'],
    ["examples/src/a.ts", 'import { x } from "@zk/lab";', /examples may import only/],
    ["examples/tests/a.test.ts", 'import { x } from "@zk/lab";'],
    ["tools/a.ts", 'import { x } from "@zk/client";', /tools may import no package/],
    ["tools/a.mjs", 'import { x } from "../lab/zoo_cluster/src/index.js";', /tools may not reach/],
    ["lab/brand_new/src/a.ts", "", /no row/],
  ]);

  it("gives every folder of code a row that exists for a reason", () => {
    const unused = layers.filter((layer) => !existsSync(join(root, layer.folder)));
    expect(unused.map((layer) => layer.name)).toEqual([]);
  });
});

describe("circles", () => {
  const say = (...texts: [path: string, text: string][]): string[] =>
    checkCircles(texts.map(([path, text]) => ({ path, text }))).map(format);

  it("are seen however long they are, types included, with the shortest way round", () => {
    expect(
      say(
        ["a/one.ts", 'import { z } from "./zero.js";\nimport type { Two } from "./two.js";'],
        ["a/two.ts", 'export { x } from "../b/three.js";'],
        ["b/three.ts", 'type One = import("../a/one.js").One;\nimport { four } from "./four.js";'],
        ["b/four.ts", 'import { two } from "../a/two.js";'],
        ["a/zero.ts", ""],
      ),
    ).toEqual(["a/one.ts:2: circles: imports itself: a/one.ts -> a/two.ts -> b/three.ts -> a/one.ts"]);
  });

  it("are told apart, and a file that imports itself is one", () => {
    expect(
      say(
        ["a.ts", 'import "./b.js"; import "./c.js";'],
        ["b.ts", 'import "./a.js";'],
        ["c.ts", 'import "./d.js";'],
        ["d.ts", 'import "./c.js";'],
        ["e.mjs", 'import "./e.mjs";'],
      ),
    ).toEqual([
      "c.ts:1: circles: imports itself: c.ts -> d.ts -> c.ts",
      "a.ts:1: circles: imports itself: a.ts -> b.ts -> a.ts",
      "e.mjs:1: circles: imports itself: e.mjs -> e.mjs",
    ]);
  });

  it("are not seen where several ways lead to one file", () => {
    expect(
      say(
        ["a.ts", 'import "./b.js"; import "./c.js"; import "node:fs"; import "@zk/a";'],
        ["b.ts", 'import "./d.js";'],
        ["c.ts", 'import "./d.js"; import "./missing.js";'],
        ["d.ts", ""],
      ),
    ).toEqual([]);
  });
});

describe("pure zone", () => {
  bites(checkPureZone, [
    ["packages/protocol/src/a.ts", "const t = Date.now();", /Date may be named only in io/],
    ["packages/protocol/src/a.ts", "export function f(at: Date): void {}", /Date/],
    ["packages/client/src/core/a.ts", "setTimeout(() => {}, 5);", /setTimeout/],
    ["packages/client/src/core/a.ts", 'globalThis["set" + "Timeout"](f);', /globalThis/],
    ["packages/client/src/client.ts", "const signal = AbortSignal.timeout(5);", /AbortSignal\.timeout/],
    ["packages/client/src/client.ts", 'const x = Math["random"]();', /Math\.random/],
    ["packages/client/src/client.ts", "const { random } = Math;", /Math as a value/],
    ["packages/client/src/options.ts", "const e = process.env;", /process/],
    ["packages/client/src/testing/a.ts", "const b = Buffer.from(x);", /Buffer/],
    [
      "packages/recipes/src/lock.ts",
      'import { setTimeout as wait } from "node:timers/promises";',
      /node:timers/,
    ],
    // What a name means only as a member, a key or in words is nobody's business.
    ["packages/client/src/core/a.ts", 'this.process(); const o = { Date: 1 }; say("setTimeout"); // Date'],
    ["packages/client/src/core/a.ts", "interface Driver { setTimeout(ms: number): void } Math.min(1, 2);"],
    ["packages/client/src/io/clock.ts", "const t = Date.now(); setTimeout(f, 5);"],
    ["packages/client/src/core/a.test.ts", "const t = Date.now();"],
    ["lab/zoo_cluster/src/a.ts", "const t = Date.now();"],
  ]);
});

describe("exports", () => {
  bites(checkExports, [
    ["packages/client/src/index.ts", 'export * from "./client.js";', /hides what is public/],
    ["packages/client/src/index.ts", 'export * as errors from "./errors.js";', /hides what is public/],
    ["packages/client/src/client.ts", "export default class Client {}", /default export/],
    ["packages/client/src/client.ts", "const x = 1; export { x as default };", /default export/],
    ["packages/client/src/index.ts", 'export { createClient } from "./client.js";'],
    ["vitest.config.ts", "export default {};"],
  ]);
});

describe("test habits", () => {
  bites(checkTestHabits, [
    ["packages/client/src/a.test.ts", 'it.only("x", () => {});', /it\.only/],
    ["packages/client/src/a.test.ts", 'describe.skip("x", () => {});', /describe\.skip/],
    ["packages/client/src/a.test.ts", 'it.concurrent.skip("x", () => {});', /it\.concurrent\.skip/],
    ["packages/client/src/a.test.ts", 'test.todo("x");', /test\.todo/],
    ["packages/client/src/a.test.ts", 'it.skipIf(slow)("x", () => {});', /it\.skipIf/],
    ["packages/client/src/a.test.ts", 'xit("x", () => {});', /xit/],
    ["packages/client/src/a.test.ts", "await new Promise((r) => setTimeout(r, 50));", /waits by the clock/],
    ["packages/client/tests/helpers.ts", "await sleep(50);", /waits by the clock/],
    [
      "lab/zoo_cluster/tests/a.test.ts",
      'import { setTimeout as pause } from "node:timers/promises";\nawait pause(5);',
      /test\.ts:2: .*pause in a test waits by the clock/,
    ],
    [
      "packages/client/src/a.test.ts",
      "await expect(made).rejects.toMatchObject({\n  cause: { message: /gone/ } });",
      /test\.ts:2: .*expect\.stringMatching/,
    ],
    [
      "packages/client/src/a.test.ts",
      "expect(error).toMatchObject({ message: expect.stringMatching(/gone/), at: [1] });",
    ],
    ["lab/zoo_cluster/tests/a.ts", "async function eventually(ok) { while (!ok()) await delay(20); }"],
    ["lab/zoo_cluster/tests/a.ts", "const waitFor = async (ok) => { while (!ok()) await delay(20); };"],
    ["lab/zoo_cluster/tests/a.ts", "const limit = setTimeout(() => child.kill(), 5000);"],
    ["lab/zoo_cluster/tests/support/stand-in.mjs", "setInterval(() => {}, 1000);"],
    ["lab/zoo_cluster/tests/wait-for.ts", "await new Promise((r) => setTimeout(r, 50));"],
    ["lab/zoo_cluster/src/process.ts", "await sleep(50);"],
    ["packages/client/src/a.test.ts", 'it("x", async () => { await clock.advance(50); });'],
  ]);
});

describe("text", () => {
  const long = "x;\n".repeat(401);
  describe("size", () => {
    bites(checkSize, [
      ["packages/client/src/a.ts", long, /401 lines/],
      ["lab/zoo_cluster/a.sh", long, /401 lines/],
      ["packages/client/src/a.ts", `// Stays whole: one table.\n${long}`],
      ["packages/client/src/a.ts", "x;\n".repeat(400)],
      ["docs/long.md", long],
    ]);
  });
  describe("names", () => {
    bites(checkName, [
      ["packages/client/src/SessionMachine.ts", "", /"SessionMachine\.ts" is not kebab-case/],
      ["packages/client/src/session_machine.ts", "", /not kebab-case/],
      ["docs/My Notes.md", "", /not kebab-case/],
      ["packages/client/src/session-machine.test.ts", ""],
      ["lab/zoo_cluster/scripts/zkServer.sh", ""],
      ["docs/decisions/0001-pnpm-and-turbo.md", ""],
      ["CONTRIBUTING.md", ""],
    ]);
  });
  describe("hosts", () => {
    const host = ["registry", "npmjs", "org"].join(".");
    bites(checkHosts, [
      [".npmrc", `a\nregistry=https://${host}/`, /\.npmrc:2: hosts/],
      ["README.md", "npm config get registry"],
    ]);
  });
  describe("machine paths", () => {
    const home = ["", "home", "someone", "project"].join("/");
    bites(checkMachinePaths, [
      ["docs/a.md", `cd ${home}`, /path of one machine/],
      ["docs/a.md", "cd ~/project; ls /tmp /var/lib"],
    ]);
  });
  describe("promises", () => {
    const word = ["TO", "DO"].join("");
    bites(checkPromises, [
      ["packages/client/src/a.ts", `// ${word}: later`, /names no issue/],
      ["packages/client/src/a.ts", `// ${word}(#12): later`],
    ]);
  });
  describe("links", () => {
    bites(
      (file) => checkLinks(file, (path) => path === "docs/b.md"),
      [
        ["docs/a.md", "see [b](c.md)", /the link to c\.md leads nowhere/],
        ["docs/a.md", "see [b](b.md#part), [w](https://zookeeper.apache.org), [here](#part)"],
        ["docs/a.md", "```ts\nf[0](x)\n```"],
      ],
    );
  });
});

describe("manifests", () => {
  const top: Manifest = { name: "root", devDependencies: { vitest: "1" } };
  const check = (manifest: Manifest, source: Record<string, string>, directory = "packages/client") =>
    checkManifest(
      { directory, manifest, files: Object.entries(source).map(([path, text]) => ({ path, text })) },
      top,
      new Map([["@zk/early", ["@zk/client"]]]),
    )
      .map(format)
      .join("\n");
  const src = "packages/client/src/a.ts";
  const test = "packages/client/src/a.test.ts";

  it("wants every import declared", () => {
    expect(check({ name: "a" }, { [src]: 'import x from "b/c";' })).toMatch(
      /imports b, which "dependencies"/,
    );
    // A development dependency is not there for the users of a package.
    const dev = { name: "a", devDependencies: { b: "1" } };
    expect(check(dev, { [src]: 'import x from "b";' })).toMatch(/imports b, which "dependencies"/);
    expect(check({ name: "a", dependencies: { b: "1" } }, { [src]: 'import x from "b";' })).toBe("");
    expect(check({ name: "a" }, { [test]: 'import { it } from "vitest"; import x from "c";' })).toMatch(
      /imports c, /,
    );
  });
  it("wants every declaration used", () => {
    expect(check({ name: "a", dependencies: { b: "1" } }, { [src]: "" })).toMatch(/declares b, /);
    expect(check({ name: "a", dependencies: { b: "1" } }, { [test]: 'import x from "b";' })).toMatch(
      /declares b, /,
    );
  });
  it("lets go of its own exceptions", () => {
    const early = { name: "@zk/early", dependencies: { "@zk/client": "1" } };
    expect(check(early, { [src]: "" })).toBe("");
    expect(check(early, { [src]: 'import { x } from "@zk/client";' })).toMatch(/can go/);
  });
  it("keeps dependencies out of the client and the lab out of packages", () => {
    const client = { name: "@zk/client", dependencies: { b: "1" } };
    expect(check(client, { [src]: 'import x from "b";' })).toMatch(/has the runtime dependency b/);
    expect(check({ name: "a", devDependencies: { "@zk/lab": "1" } }, { [src]: "" })).toMatch(/live in lab/);
    expect(check({ name: "a", devDependencies: { "@zk/lab": "1" } }, { [src]: "" }, "examples")).toBe("");
  });
});
