// The recorded session in docs/cli is what one sees who types it.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type MemoryEnsemble, startMemoryEnsemble } from "@zk/memory-server";
import { afterAll, expect, it } from "vitest";
import { Masks } from "./support/masks.js";
import { startZk } from "./support/program.js";
import { ZkHome } from "./support/zk.js";

const page = readFileSync(
  fileURLToPath(new URL("../../../docs/cli/walk-through.md", import.meta.url)),
  "utf8",
);
const home = ZkHome.forThisFile();
let ensemble: MemoryEnsemble;
afterAll(async () => await ensemble?.stop());

/** Each command of the page with what stands below it, up to the next one. */
const steps = page
  .split(/^```$/m)[1]!
  .split(/^\$ /m)
  .slice(1)
  .map((step) => {
    const [line = "", ...said] = step.split("\n");
    return { line, said: said.join("\n").trimEnd() };
  });

it("the walk-through says what zk says", async () => {
  ensemble = await startMemoryEnsemble({ servers: 3 });
  const leader = await ensemble.leader();
  // The page asks one of three, which does not lead.
  const { host, clientPort } = ensemble.servers.find(({ id }) => id !== leader)!;
  home.use(`${host}:${clientPort}`);
  const shown: string[] = [];
  for (const { line } of steps) {
    const [command = "", head] = line.split(" | head -");
    const words = [...command.matchAll(/'([^']*)'|(\S+)/g)]
      .map(([, quoted, bare]) => quoted ?? bare!.replace("127.0.0.1:2181", `${host}:${clientPort}`))
      .slice(1);
    // What a command prints that zk runs is on the stdout of a process.
    const ended =
      words[0] === "lock"
        ? await startZk(words, { env: home.env, cwd: home.path, stdin: "" }).ended
        : await home.run(words);
    const both = "both" in ended ? ended.both : ended.stdout + ended.stderr;
    const said = head === undefined ? both.trimEnd() : both.split("\n").slice(0, Number(head)).join("\n");
    const code = ended.exitCode === 0 || head !== undefined ? "" : `(exit code ${ended.exitCode})`;
    shown.push(mask([`$ ${line}`, said, code].filter(Boolean).join("\n")));
  }
  expect(shown).toEqual(steps.map(({ line, said }) => mask([`$ ${line}`, said].filter(Boolean).join("\n"))));

  function mask(text: string): string {
    return new Masks([
      // Where the test has the folder that people have at ~/.config.
      [`${home.path}/config`, "~/.config"],
      [home.path, "~"],
      ["127.0.0.1:2181", "SERVER"],
      [`${host}:${clientPort}`, "SERVER"],
    ])
      .apply(text)
      .replaceAll(/fence \d+/g, "fence N");
  }
});
