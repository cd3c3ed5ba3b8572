// What some commands say on these servers is what the goldens have kept of the model.
import { readFileSync } from "node:fs";
import { COMMANDS } from "@zk/cli";
import { expect, it } from "vitest";
import { GoldenStage, plant } from "../support/golden-run.js";
import { SCENES } from "../support/golden-scenes.js";
import type { Stage } from "../support/stage.js";

export function describeWhatIsSaid(stage: Stage, names: readonly string[]): void {
  const startAnew = async (): Promise<void> => {
    for (const parent of ["/", "/zookeeper/quota/"])
      for (const name of await stage.client.getChildren(parent.slice(0, -1) || "/"))
        if (name !== "zookeeper") await stage.client.removeRecursive(parent + name);
    await plant(stage.client);
  };

  it.each(names)("zk %s says what it says on the model", async (name) => {
    const golden = new GoldenStage(stage.home, startAnew);
    const command = COMMANDS.find((each) => each.name === name)!;
    const kept = readFileSync(new URL(`../fixtures/${name}.txt`, import.meta.url), "utf8").split(
      /^(?=\$ zk )/m,
    );
    const said: string[] = [];
    await startAnew();
    for (const scene of SCENES[name]!) said.push((await golden.run(command, scene, "pipe")).text);
    expect(said.map((each) => each.trimEnd())).toEqual(
      kept.filter((each) => each.split("\n")[0]!.endsWith("(pipe)")).map((each) => each.trimEnd()),
    );
  });
}
