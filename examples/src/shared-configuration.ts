/**
 * Settings that reach every process. Start it in two terminals, then change the settings from a third: both tell the new value,
 * also when servers die meanwhile. Bad settings change nothing and are told of.
 *
 * Usage: shared-configuration [show] | shared-configuration set REQUESTS
 */
import { createClient } from "@zk/client";
import { defineConfig, isRecipeError, type StandardSchema, updateConfig, watchConfig } from "@zk/recipes";
import { SERVERS, untilInterrupted } from "./servers.js";

interface Limits {
  readonly requests: number;
}

// A schema of zod, valibot or any other library that follows Standard Schema does as well.
const schema: StandardSchema<Limits> = {
  "~standard": {
    version: 1,
    vendor: "example",
    validate: (value) => {
      const requests = (value as Partial<Limits> | null)?.requests;
      if (Number.isInteger(requests) && Number(requests) > 0) return { value: value as Limits };
      return { issues: [{ message: "must be a whole number above 0", path: ["requests"] }] };
    },
  },
};
const limits = defineConfig({ path: "/examples/limits", schema, default: { requests: 100 } });

const [role = "show", word] = process.argv.slice(2);
const signal = untilInterrupted();

await using client = createClient(SERVERS, { sessionTimeoutMs: 6000, afterExpiry: "renew" });
await client.connect();

if (role === "set") {
  try {
    const { value } = await updateConfig(client, limits, (now) => ({ ...now, requests: Number(word) }));
    console.log(`set to ${value.requests} requests`);
  } catch (error) {
    // What we were given is no number, or what is there was spoilt by somebody: it is not overwritten unseen.
    if (!isRecipeError(error)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
} else {
  await using config = watchConfig(client, limits);
  config.onEvent((event) => {
    if (event.type === "value") console.log(`now ${event.reading.value.requests} requests`);
    if (event.type === "bad") console.log(`bad settings, the last good ones stay: ${String(event.error)}`);
  });
  console.log(`begins with ${(await config.get({ signal })).requests} requests`);
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  console.log("stopped");
}
