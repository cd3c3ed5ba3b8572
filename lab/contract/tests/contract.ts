/** Runs the suites with vitest: one ensemble for all suites of a ground, one test for each behaviour. */
import { afterAll, beforeAll, describe, test } from "vitest";
import { type Backend, type Ground, Stage, startGround, suites } from "../src/index.js";

/** Registers every behaviour on a backend. `ZK_CONTRACT_VERSION` says which release of the real servers. */
export function runContract(backend: Backend): void {
  const version = process.env["ZK_CONTRACT_VERSION"];
  for (const ground of [
    "ensemble",
    "standalone",
    "failover",
    "read-only",
  ] as const satisfies readonly Ground[]) {
    const ofGround = suites.filter((suite) => suite.ground === ground);
    if (ofGround.length === 0) continue;
    describe(`${backend}: ${ground}`, () => {
      let stage: Stage | undefined;
      beforeAll(async () => {
        stage = await Stage.on(await startGround(backend, ground, version), ground, backend);
      });
      afterAll(async () => {
        await stage?.end();
      });
      for (const { name, behaviours } of ofGround) {
        describe(name, () => {
          for (const behaviour of behaviours) {
            test(behaviour.name, async () => {
              await stage?.run(behaviour);
            });
          }
        });
      }
    });
  }
}
