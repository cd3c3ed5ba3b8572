// Spans, in the real tracer of OpenTelemetry; and the numbers that say how contended a recipe is.
import { context, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import {
  AtomicLong,
  Barrier,
  ClockLease,
  DoubleBarrier,
  Lock,
  MultiLock,
  Queue,
  ReadWriteLock,
  type RecipeTracer,
  Rendezvous,
  recipeMetrics,
  Semaphore,
  TwoPhaseCommit,
  textCodec,
  traceRecipes,
} from "@zk/recipes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stage, told, until, World, within } from "../src/index.js";

const zk = stage();

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => {
  context.disable();
});

/** A tracer of the real library, and the spans that have ended. */
function tracing(): {
  readonly tracer: ReturnType<BasicTracerProvider["getTracer"]>;
  spans(): ReadableSpan[];
} {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  return { tracer: provider.getTracer("test"), spans: () => exporter.getFinishedSpans() };
}

const named = (spans: readonly ReadableSpan[]): string[] =>
  spans.map(({ name, attributes }) => `${name}: ${attributes["zk.outcome"]}`).sort();

describe("spans", () => {
  it("are made of a wait and of a hold, within the span that is active, and say whose they are", async () => {
    const client = await zk.connect();
    const { tracer, spans } = tracing();
    const stop = traceRecipes(client, tracer);
    const root = tracer.startSpan("work");
    const { path, token, sessionId } = await context.with(trace.setSpan(context.active(), root), async () => {
      await using held = await new Lock(client, zk.path).acquire();
      expect(named(spans())).toEqual(["Lock wait: acquired"]);
      return held;
    });
    const [wait, hold, ...others] = spans() as [ReadableSpan, ReadableSpan];
    expect(others).toEqual([]);
    expect(wait).toMatchObject({
      name: "Lock wait",
      attributes: { "zk.recipe": "Lock", "zk.path": zk.path, "zk.outcome": "acquired" },
      status: { code: SpanStatusCode.UNSET },
      ended: true,
    });
    expect(hold).toMatchObject({
      name: "Lock hold",
      attributes: {
        "zk.recipe": "Lock",
        "zk.path": path,
        "zk.token": `${token}`,
        "zk.session": `0x${BigInt.asUintN(64, sessionId).toString(16)}`,
        "zk.outcome": "released",
      },
      status: { code: SpanStatusCode.UNSET },
    });
    for (const { parentSpanContext } of [wait, hold])
      expect(parentSpanContext?.spanId).toBe(root.spanContext().spanId);
    stop();
    await using _again = await new Lock(client, zk.path).acquire();
    expect(spans()).toHaveLength(2);
  });

  it("say how a wait ended", async () => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    const { tracer, spans } = tracing();
    traceRecipes(client, tracer);
    const lock = new Lock(client, zk.path);
    await using _held = await new Lock(other, zk.path).acquire();
    await told(lock.acquire({ timeoutMs: 30 }));
    await told(lock.acquire({ signal: AbortSignal.abort("no") }));
    expect(await lock.tryAcquire()).toBeNull();
    await other.create(`${zk.path}-mine`, null, {
      acl: [{ perms: 1, id: { scheme: "world", id: "anyone" } }],
    });
    await told(new Lock(client, `${zk.path}-mine`).acquire());
    expect(named(spans())).toEqual(
      ["aborted", "failed", "timeout", "unavailable"].map((is) => `Lock wait: ${is}`),
    );
    const status = (outcome: string) =>
      spans().find(({ attributes }) => attributes["zk.outcome"] === outcome)?.status;
    expect(status("timeout")).toMatchObject({
      code: SpanStatusCode.ERROR,
      message: expect.stringMatching(/30 ms/),
    });
    expect(status("failed")).toMatchObject({
      code: SpanStatusCode.ERROR,
      message: expect.stringMatching(/NO_AUTH/),
    });
    expect([status("aborted"), status("unavailable")]).toEqual([
      { code: SpanStatusCode.UNSET },
      { code: SpanStatusCode.UNSET },
    ]);
    const failed = spans().find(({ attributes }) => attributes["zk.outcome"] === "failed");
    expect(failed?.events.map(({ name }) => name)).toEqual(["exception"]);
  });

  it("say when a hold was in doubt, and that it was lost", async () => {
    await using world = await World.begin();
    const { client, cable } = await world.actor();
    const { tracer, spans } = tracing();
    traceRecipes(client, tracer);
    const held = await world.let("the lock", new Lock(client, "/lock", { onSuspended: "wait" }).acquire());
    const states: string[] = [];
    held.onState((state) => states.push(state));
    cable.reset();
    await world.until("it is held again", () => states.join() === "suspect,held");
    cable.cut();
    await world.until("it is lost", () => held.state === "lost");
    const hold = spans().find(({ name }) => name === "Lock hold");
    expect(hold?.attributes["zk.outcome"]).toBe("lost");
    expect(hold?.status.code).toBe(SpanStatusCode.ERROR);
    expect(hold?.events.map(({ name }) => name)).toEqual(["suspect", "verified", "suspect", "exception"]);
    cable.mend();
  });

  it("are made of every recipe that waits", async () => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    const { tracer, spans } = tracing();
    traceRecipes(client, tracer);
    const at = (name: string): string => `${zk.path}-${name}`;
    await (await new Semaphore(client, at("semaphore"), { max: 1 }).acquire()).release();
    await (await new MultiLock(client, [at("one"), at("two")]).acquire()).release();
    await (await new ReadWriteLock(client, at("rw")).read.acquire()).release();
    await (await new ClockLease(client, at("lease"), { durationMs: 5000, holder: "us" }).obtain()).release();
    await new Barrier(client, at("gate")).wait();
    const both = [client, other].map((each) => new DoubleBarrier(each, at("double"), { members: 2 }).enter());
    const members = await within("both", Promise.all(both));
    await within("both leave", Promise.all(members.map((member) => member.leave())));
    const queue = new Queue(client, at("queue"), { codec: textCodec });
    await queue.put("item");
    await (await queue.take()).ack();
    const place = new Rendezvous(client, at("place"), { codec: textCodec });
    await place.fill("here");
    await place.wait();
    const transfer = new TwoPhaseCommit(client, at("transfer"));
    await transfer.begin(["site"]);
    await transfer.vote("site", "commit");
    await transfer.decide();
    const names = new Set(spans().map(({ name }) => name.replace(/ .*/, "")));
    expect([...names].sort()).toEqual(
      [
        "Barrier",
        "ClockLease",
        "DoubleBarrier",
        "Lock",
        "MultiLock",
        "Queue",
        "ReadWriteLock",
        "Rendezvous",
        "TwoPhaseCommit",
        "Semaphore",
      ].sort(),
    );
    for (const { attributes } of spans()) {
      expect(attributes["zk.path"]).toContain(zk.path);
      expect(["acquired", "released"]).toContain(attributes["zk.outcome"]);
    }
  });

  it.each([
    [
      "startSpan",
      {
        startSpan: () => {
          throw new Error("no");
        },
      },
    ],
    ["what startSpan gives", { startSpan: () => undefined }],
    [
      "the span",
      {
        startSpan: () =>
          new Proxy(
            {},
            {
              get: () => () => {
                throw new Error("no");
              },
            },
          ),
      },
    ],
  ])("that fail come between nobody and the lock: %s", async (_what, tracer) => {
    const client = await zk.connect();
    traceRecipes(client, tracer as unknown as RecipeTracer);
    const { tracer: good, spans } = tracing();
    traceRecipes(client, good);
    const held = await new Lock(client, zk.path).acquire();
    await told(new Lock(client, zk.path).acquire({ timeoutMs: 10 }));
    expect(await held.release()).toEqual({ confirmed: true });
    expect(spans()).toHaveLength(3);
  });
});

describe("the numbers of contention", () => {
  it("tell how long lines and queues are, and what one release wakes", async () => {
    const clients = await Promise.all([1, 2, 3, 4].map(() => zk.connect()));
    const [first] = clients as [Awaited<ReturnType<typeof zk.connect>>];
    const held = await new Lock(first, zk.path).acquire();
    const waits = clients.slice(1).map((client) => new Lock(client, zk.path).acquire());
    await until("all wait", () =>
      clients.slice(1).every((client) => client.load.watches === 1 && client.load.inFlight === 0),
    );
    expect(Math.max(...clients.map((client) => recipeMetrics(client).lineLengthMax))).toBe(4);
    expect(recipeMetrics(first)).toMatchObject({ lineLength: 1, lineLengthMax: 1, holdsReleased: 0 });
    await held.release();
    for (const wait of waits) await (await wait).release();
    const sum = (what: "wakeUps" | "holdsReleased" | "holdsLost"): number =>
      clients.reduce((all, client) => all + recipeMetrics(client)[what], 0);
    expect([sum("wakeUps"), sum("holdsReleased"), sum("holdsLost")]).toEqual([3, 4, 0]);
    const queue = new Queue(first, `${zk.path}-queue`, { codec: textCodec });
    for (const item of ["a", "b", "c"]) await queue.put(item);
    await (await queue.take()).ack();
    await (await queue.take()).ack();
    expect(recipeMetrics(first).queueLengthMax).toBe(3);
    expect(recipeMetrics(first).queueLength).toBeLessThanOrEqual(3);
  });

  it("tell what was sent again, and how late the event loop was", async () => {
    await using world = await World.begin();
    const actor = await world.actor();
    const { client } = actor;
    const lost = actor.cable.lose("request", "multi");
    await world.let("the sum", new AtomicLong(client, "/sum").add(1n));
    await lost;
    expect(recipeMetrics(client)).toMatchObject({ retries: 1, timerLatenessMaxMs: 0 });
    const held = await world.let("the lock", new Lock(client, "/lock", { onSuspended: "wait" }).acquire());
    await world.pass(6000);
    expect(held.state).toBe("held");
    expect(recipeMetrics(client).timerLatenessMaxMs).toBeLessThan(1);
    actor.fallAsleep();
    await world.pass(10_000);
    actor.wake();
    await world.until("it is lost", () => held.state === "lost");
    const { timerLatenessMs, timerLatenessMaxMs, latenessMaxMs } = recipeMetrics(client);
    expect(timerLatenessMs).toBeGreaterThan(6000);
    expect(timerLatenessMaxMs).toBe(timerLatenessMs);
    expect(latenessMaxMs).toBeGreaterThan(0);
  });
});
