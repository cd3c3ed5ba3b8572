import { inspect } from "node:util";
import type { Client } from "@zk/client";
import {
  atomically,
  type ConfigEvent,
  defineConfig,
  ensureConfig,
  observeRecipes,
  type RecipeEvent,
  recipeMetrics,
  type StandardSchema,
  setConfig,
  textCodec,
  updateConfig,
  watchConfig,
} from "@zk/recipes";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { stage, until, within } from "../src/index.js";

const zk = stage();

const zodSchema = z.object({ requests: z.number().int(), name: z.string().default("none") });
const valibotSchema = v.object({
  requests: v.pipe(v.number(), v.integer()),
  name: v.optional(v.string(), "none"),
});

const textAt = async (client: Client, path: string): Promise<string> =>
  new TextDecoder().decode((await client.getData(path)).data ?? undefined);

describe.each([
  ["zod", zodSchema],
  ["valibot", valibotSchema],
])("a configuration with a schema of %s", (_library, schema) => {
  const define = () =>
    defineConfig<{ requests: number; name?: string | undefined }, { requests: number; name: string }>({
      path: zk.path,
      schema,
    });

  it("follows the znode, and has what the schema makes of it", async () => {
    const client = await zk.connect();
    await client.create(zk.path, '{"requests":1}');
    await using config = watchConfig(client, define());
    expect(config.status).toBe("loading");
    await config.ready;
    expect(config).toMatchObject({ value: { requests: 1, name: "none" }, status: "good" });
    const stat = await client.setData(zk.path, '{"requests":2,"name":"x"}');
    await config.sync();
    expect(config.state).toBe("live");
    expect(config.reading).toEqual({
      value: { requests: 2, name: "x" },
      source: "node",
      version: 1,
      mzxid: stat.mzxid,
    });
  });

  it("keeps the last good value on bad data, and tells of it with the bytes", async () => {
    const client = await zk.connect();
    await client.create(zk.path, '{"requests":1}');
    const told: RecipeEvent[] = [];
    observeRecipes(client, (event) => told.push(event));
    await using config = watchConfig(client, define());
    const events: ConfigEvent<unknown>[] = [];
    config.onEvent((event) => events.push(event));
    await config.ready;
    for (const data of ['{"requests":"many"}', "{", "", null, new Uint8Array([0xff])]) {
      const { mzxid } = await client.setData(zk.path, data);
      await config.sync();
      expect(config).toMatchObject({ status: "bad", value: { requests: 1 } });
      const bad = events.at(-1);
      const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
      expect(bad).toMatchObject({ type: "bad", mzxid, error: { code: "CORRUPTED", path: zk.path } });
      if (bad?.type === "bad") expect(bad.data && new Uint8Array(bad.data)).toEqual(bytes);
      expect(told.at(-1)).toMatchObject({ type: "badData", recipe: "Config", path: zk.path });
    }
    expect(String((events[1] as { error: Error }).error)).toContain("requests: ");
    await client.setData(zk.path, '{"requests":1}');
    await config.sync();
    expect(events.map(({ type }) => type)).toEqual(["value", "bad", "bad", "bad", "bad", "bad", "value"]);
  });
});

const numbers = (
  options: { readonly default?: { requests: number }; readonly secrets?: readonly string[] } = {},
) => defineConfig({ path: zk.path, schema: z.object({ requests: z.number().int() }), ...options });

describe("a configuration", () => {
  it("that is not there is the default, which is not written unless asked for", async () => {
    const client = await zk.connect();
    const definition = numbers({ default: { requests: 5 } });
    await using config = watchConfig(client, definition);
    expect(await config.get()).toEqual({ requests: 5 });
    expect(config).toMatchObject({ status: "absent", reading: { source: "default", mzxid: undefined } });
    expect(await client.exists(zk.path)).toBeNull();
    expect(await ensureConfig(client, definition)).toBe(true);
    expect(await ensureConfig(client, definition)).toBe(false);
    await config.sync();
    expect(config.reading).toMatchObject({ source: "node", value: { requests: 5 } });
    await client.setData(zk.path, '{"requests":6}');
    await client.remove(zk.path);
    await config.sync();
    expect(config.value).toEqual({ requests: 5 });
  });

  it("without a default has no value before there is one, and keeps the last when it goes", async () => {
    const client = await zk.connect();
    await using config = watchConfig(client, numbers());
    await config.ready;
    expect(config).toMatchObject({ status: "absent", value: undefined });
    await expect(config.get({ timeoutMs: 20 })).rejects.toMatchObject({
      code: "WAIT_TIMEOUT",
      recipe: "Config",
    });
    const waiting = config.get();
    await client.create(zk.path, '{"requests":1}');
    expect(await within("a value", waiting)).toEqual({ requests: 1 });
    await client.remove(zk.path);
    await config.sync();
    expect(config).toMatchObject({ status: "absent", value: { requests: 1 } });
  });

  it("says nothing when the same is written again", async () => {
    const client = await zk.connect();
    await client.create(zk.path, '{"requests":1}');
    await using config = watchConfig(client, numbers());
    await config.ready;
    const events: unknown[] = [];
    config.onEvent((event) => events.push(event));
    await client.setData(zk.path, '{"requests":1}');
    await config.sync();
    expect(events).toEqual([]);
    expect(config.reading?.version).toBe(1);
  });

  it("tells its changes as a stream, which ends with it", async () => {
    const client = await zk.connect();
    await client.create(zk.path, '{"requests":0}');
    const config = watchConfig(client, numbers());
    await config.ready;
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const event of config.changes()) if (event.type === "value") seen.push(event.reading.value);
    })();
    for (const requests of [1, 2]) {
      await client.setData(zk.path, JSON.stringify({ requests }));
      await config.sync();
    }
    config.close();
    await reading;
    expect(seen).toEqual([{ requests: 1 }, { requests: 2 }]);
    await expect(config.get({})).resolves.toEqual({ requests: 2 });
    await expect(config.sync()).rejects.toMatchObject({ code: "RELEASED" });
    const gone = watchConfig(client, numbers()).changes({ signal: AbortSignal.abort("no") });
    await expect(gone.next()).rejects.toMatchObject({ code: "ABORTED", cause: "no" });
  });

  it("takes a schema that answers later, and judges in order", async () => {
    const client = await zk.connect();
    const gates: (() => void)[] = [];
    const validate = (value: unknown) =>
      new Promise<{ value: number }>((resolve) => gates.push(() => resolve({ value: value as number })));
    const slow: StandardSchema<number> = { "~standard": { version: 1, vendor: "test", validate } };
    await client.create(zk.path, "1");
    await using config = watchConfig(client, defineConfig({ path: zk.path, schema: slow }));
    const values: unknown[] = [];
    config.onEvent((event) => event.type === "value" && values.push(event.reading.value));
    await until("it is judged", () => gates.length === 1);
    for (const value of ["2", "3"]) await client.setData(zk.path, value);
    await client.sync();
    gates[0]!();
    await until("the next is judged", () => gates.length === 2);
    gates[1]!();
    await config.sync();
    // What was overwritten while another was judged need not be told.
    expect(values).toEqual([1, 3]);
  });

  it("fails when its default is not accepted, and when it may not be read", async () => {
    const client = await zk.connect();
    await using wrong = watchConfig(client, numbers({ default: { requests: 0.5 } }));
    await expect(wrong.ready).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(wrong.state).toBe("failed");
    await expect(wrong.get()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await client.close();
    await using late = watchConfig(client, numbers());
    await expect(late.ready).rejects.toMatchObject({ code: "RELEASED" });
  });

  it("shows no secret in logs, errors and telemetry", async () => {
    const client = await zk.connect();
    const told: RecipeEvent[] = [];
    observeRecipes(client, (event) => told.push(event));
    const definition = defineConfig({
      path: zk.path,
      // Its messages quote what they do not like.
      schema: v.object({ user: v.string(), password: v.pipe(v.string(), v.maxLength(8)) }),
      secrets: ["password"],
    });
    await client.create(zk.path, '{"user":"bob","password":"hunter2"}');
    await using config = watchConfig(client, definition);
    const events: unknown[] = [];
    config.onEvent((event) => events.push(event));
    expect((await config.get()).password).toBe("hunter2");
    for (const bad of [
      '{"user":"bob","password":"hunter2-and-more"}',
      '{"password":"hunter2',
      '["hunter2"]',
    ]) {
      await client.setData(zk.path, bad);
      await config.sync();
    }
    const refused = await setConfig(client, definition, { user: "bob", password: "hunter2-and-more" }).catch(
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(events).toHaveLength(4);
    const logged = [config, config.reading, ...events, refused, told].map((each) =>
      [
        inspect(each, { depth: 9, showHidden: true }),
        JSON.stringify(each, (_key, value) => (typeof value === "bigint" ? String(value) : value)),
      ].join("\n"),
    );
    for (const text of logged) expect(text).not.toMatch(/hunter2|104, ?117, ?110/);
    expect(logged[0]).toContain("bob");
    expect(definition.redact(config.value)).toEqual({ user: "bob", password: "[redacted]" });
  });

  it("can have another codec", async () => {
    const client = await zk.connect();
    const motd = defineConfig({ path: zk.path, schema: z.string().min(1), codec: textCodec as never });
    await setConfig(client, motd, "hello");
    expect(await textAt(client, zk.path)).toBe("hello");
  });
});

describe("changing a configuration", () => {
  it("loses nobody's change", async () => {
    const clients = await Promise.all([1, 2, 3].map(() => zk.connect()));
    const definition = numbers({ default: { requests: 0 } });
    const changes = clients.map(async (client) => {
      for (let turn = 0; turn < 10; turn += 1)
        await updateConfig(client, definition, (stored) => ({ requests: (stored?.requests ?? -1000) + 1 }));
    });
    await within("all changes", Promise.all(changes));
    expect(await textAt(clients[0]!, zk.path)).toBe('{"requests":30}');
    const conflicts = clients.reduce((sum, client) => sum + recipeMetrics(client).conflicts, 0);
    expect(conflicts).toBeGreaterThan(0);
  });

  it("writes nothing where it is so already, nothing that the schema refuses, and nothing over bad data", async () => {
    const client = await zk.connect();
    const definition = numbers();
    const { zxid, value } = await setConfig(client, definition, { requests: 1 });
    expect([typeof zxid, value]).toEqual(["bigint", { requests: 1 }]);
    expect((await updateConfig(client, definition, (stored) => stored!)).zxid).toBeUndefined();
    const refused = updateConfig(client, definition, () => ({ requests: 0.5 }));
    await expect(refused).rejects.toMatchObject({ code: "INVALID_ARGUMENT", path: zk.path });
    expect((await client.exists(zk.path))?.version).toBe(0);
    await client.setData(zk.path, "junk");
    const blind = updateConfig(client, definition, () => ({ requests: 2 }));
    await expect(blind).rejects.toMatchObject({ code: "CORRUPTED" });
    expect(await textAt(client, zk.path)).toBe("junk");
    await setConfig(client, definition, { requests: 3 });
    expect(await textAt(client, zk.path)).toBe('{"requests":3}');
  });

  it("goes across several at once, with checks of what was only read", async () => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    const limits = defineConfig({ path: `${zk.path}/limits`, schema: z.object({ requests: z.number() }) });
    const flags = defineConfig({ path: `${zk.path}/flags`, schema: z.object({ beta: z.boolean() }) });
    await setConfig(client, limits, { requests: 1 });
    let calls = 0;
    await atomically(client, async (tx) => {
      const read = await limits.readIn(tx);
      calls += 1;
      if (calls === 1) await setConfig(other, limits, { requests: 1000 });
      await flags.writeIn(tx, { beta: (read?.requests ?? 0) > 100 });
    });
    expect(calls).toBe(2);
    expect(await textAt(client, `${zk.path}/flags`)).toBe('{"beta":true}');
  });
});
