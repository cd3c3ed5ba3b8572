import { defineConfig } from "vitest/config";
import { CountReporter } from "./tools/count-reporter.js";

/** By default one core is left for the runner, which on a machine of two is half of it, and has nearly nothing to do. */
const ALL_CORES = "100%";

/**
 * Two files at once, each with servers of its own on ports that it leased: a file that starts servers spends most of its time in
 * waiting for them. Not more, however many cores there are: six servers are enough for one machine's disk.
 */
const TWO_AT_ONCE = { maxWorkers: 2, sequence: { groupOrder: 2 } };

/** The failover suite, on processes and on containers: after all else, and two at once, as it mostly waits for servers to come back. */
const ENSEMBLES_THAT_DIE = { maxWorkers: 2, sequence: { groupOrder: 3 } };

// The source condition makes every package resolve to its src, so that no test can pass on a stale build.
const source = {
  resolve: { conditions: ["@zk/source"] },
  ssr: { resolve: { conditions: ["@zk/source", "node", "import", "default"] } },
};

const ON_THE_MODEL = ["lab/{recipes,memory_server,simulation}/{src,tests}/**/*.test.ts"];
const ON_REAL_SERVERS = ["lab/recipes/tests/{real-*,queue-kill,caches-persistent}.test.ts"];

export default defineConfig({
  ...source,
  oxc: { target: "node20" },
  test: {
    reporters: ["default", new CountReporter()],
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["packages/*/{src,tests}/**/*.test.ts", "tools/**/*.test.ts"],
          // A limit against hanging, not a measure of speed: some machines are slow, and busy.
          testTimeout: 30_000,
          hookTimeout: 120_000,
          maxWorkers: ALL_CORES,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // Has its servers in its own process: several files at once do not get into each other's way.
          name: "model",
          include: ON_THE_MODEL,
          exclude: ["**/node_modules/**", ...ON_REAL_SERVERS],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          maxWorkers: ALL_CORES,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          // Starts zk as it was built: once, before the first file.
          name: "cli",
          include: ["lab/cli/tests/**/*.test.ts"],
          globalSetup: ["lab/cli/tests/support/build-once.ts"],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          ...TWO_AT_ONCE,
        },
      },
      {
        extends: true,
        test: {
          name: "lab",
          include: ["lab/*/{src,tests}/**/*.test.ts", "examples/**/*.test.ts"],
          exclude: [
            "**/node_modules/**",
            "lab/zoo_cluster/tests/failover/**",
            "lab/zoo_cluster/tests/docker/**",
            "lab/contract/tests/{process,docker,memory}.test.ts",
            "lab/{cli,interop}/**",
            "lab/{memory_server,simulation}/**",
            "lab/recipes/{src,tests}/**/!(real-*|queue-kill|caches-persistent).test.ts",
          ],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          ...TWO_AT_ONCE,
        },
      },
      {
        extends: true,
        test: {
          name: "failover",
          include: ["lab/zoo_cluster/tests/failover/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          ...ENSEMBLES_THAT_DIE,
        },
      },
      {
        extends: true,
        test: {
          name: "contract",
          include: ["lab/contract/tests/{process,memory}.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 180_000,
          ...TWO_AT_ONCE,
        },
      },
      {
        extends: true,
        test: {
          name: "interop",
          include: ["lab/interop/{src,tests}/**/*.test.ts"],
          testTimeout: 120_000,
          // The first run on a machine fetches other people's libraries.
          hookTimeout: 600_000,
          ...TWO_AT_ONCE,
        },
      },
      {
        extends: true,
        test: {
          // Needs a container engine: tools/test.mjs leaves it out, and says so, where there is none.
          name: "docker",
          include: ["lab/zoo_cluster/tests/docker/**/*.test.ts", "lab/contract/tests/docker.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          ...TWO_AT_ONCE,
        },
      },
      {
        extends: true,
        test: {
          // The same failover suite, each server a container; left out where there is no engine.
          name: "docker-failover",
          include: ["lab/zoo_cluster/tests/failover/**/*.test.ts"],
          env: { ZK_FAILOVER_BACKEND: "docker" },
          testTimeout: 180_000,
          hookTimeout: 300_000,
          ...ENSEMBLES_THAT_DIE,
        },
      },
    ],
  },
});
