import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DownInstances } from "./down-instances.js";
import { decodeInstance, encodeInstance, type ServiceInstance } from "./instance.js";
import {
  leastRecentlyFailed,
  type ProviderStrategy,
  randomStrategy,
  roundRobin,
  sticky,
  weighted,
  zoneAware,
} from "./strategies.js";
import { fillUriSpec, formatUriSpec, parseUriSpec } from "./uri-spec.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function instanceOf(id: string, fields: Partial<ServiceInstance> = {}): ServiceInstance {
  return {
    name: "shop",
    id,
    address: "10.0.0.1",
    port: 80,
    sslPort: null,
    payload: null,
    javaClass: undefined,
    registrationTimeUTC: 1_700_000_000_000,
    serviceType: "DYNAMIC",
    uriSpec: null,
    enabled: true,
    ...fields,
  };
}

describe("a template of a URI", () => {
  it("is filled as Curator fills it", () => {
    const fill = (template: string, fields: Partial<ServiceInstance> = {}) =>
      fillUriSpec(template, instanceOf("one", fields));
    expect(fill("{scheme}://{address}:{port}")).toBe("http://10.0.0.1:80");
    expect(fill("{scheme}://{address}:{ssl-port}/{ id }", { sslPort: 443 })).toBe("https://10.0.0.1:443/one");
    expect(fill("{name}-{registration-time-utc}-{service-type}")).toBe("shop-1700000000000-dynamic");
    expect(fill("{[}{nobody-knows}{toString}{]}", { port: null })).toBe("{}");
    expect(fill("[{port}]", { port: null })).toBe("[]");
    expect(fillUriSpec("{scheme}:{path}", instanceOf("one"), { scheme: "ws", path: 7 })).toBe("ws:7");
  });

  it.each(["{", "}", "{a", "a}", "{{a}}", "{a{b}}", "}{"])("is refused with the braces of %j", (template) => {
    expect(() => parseUriSpec(template)).toThrow(/INVALID_ARGUMENT/);
  });

  it("is the same after it was taken apart and put together", () => {
    const part = fc.oneof(
      fc.record({
        value: fc.string({ minLength: 1 }).filter((text) => !/[{}]/.test(text)),
        variable: fc.constant(false),
      }),
      fc.record({ value: fc.stringMatching(/^[a-z[\]-]+$/), variable: fc.constant(true) }),
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const template = formatUriSpec(parts);
        expect(formatUriSpec(parseUriSpec(template))).toBe(template);
      }),
    );
    expect(formatUriSpec([{ value: "a{b}", variable: false }])).toBe("a{[}b{]}");
  });
});

describe("an instance", () => {
  it("is read where fields are missing, and where there are others", () => {
    expect(decodeInstance(bytes('{"name":"shop","id":"1","colour":"red"}'))).toEqual(
      instanceOf("1", { address: null, port: null, registrationTimeUTC: 0 }),
    );
  });

  it("names a class for Java, which is a name and no more here", () => {
    const instance = instanceOf("1", { payload: { weight: 3 }, javaClass: "java.util.LinkedHashMap" });
    const text = new TextDecoder().decode(encodeInstance(instance));
    expect(text).toContain('"payload":{"@class":"java.util.LinkedHashMap","weight":3}');
    expect(decodeInstance(bytes(text))).toEqual(instance);
  });

  it.each([
    "",
    "{",
    "[]",
    "null",
    '"text"',
    '{"id":"1"}',
    '{"name":"","id":"1"}',
    '{"name":"shop","id":"1","port":"80"}',
    '{"name":"shop","id":"1","port":1.5}',
    '{"name":"shop","id":"1","address":7}',
    '{"name":"shop","id":"1","serviceType":"OTHER"}',
    '{"name":"shop","id":"1","uriSpec":"x"}',
    '{"name":"shop","id":"1","uriSpec":{"parts":[null]}}',
  ])("is refused from %j", (text) => {
    expect(() => decodeInstance(bytes(text))).toThrow();
    expect(() => decodeInstance(null)).toThrow();
  });

  it("is the same after it was written and read, whatever it is", () => {
    const instance = fc.record({
      name: fc.string({ minLength: 1 }),
      id: fc.string({ minLength: 1 }),
      address: fc.option(fc.string()),
      port: fc.option(fc.nat()),
      sslPort: fc.option(fc.nat()),
      payload: fc.option(
        fc.oneof(fc.string(), fc.integer(), fc.dictionary(fc.stringMatching(/^[a-z]+$/), fc.integer())),
      ),
      javaClass: fc.constant(undefined),
      registrationTimeUTC: fc.nat(),
      serviceType: fc.constantFrom("DYNAMIC", "STATIC", "PERMANENT", "DYNAMIC_SEQUENTIAL"),
      uriSpec: fc.constantFrom(null, "{scheme}://{address}:{port}", "{[}x{]}"),
      enabled: fc.boolean(),
    });
    fc.assert(
      fc.property(instance, (each) => {
        const read = decodeInstance(encodeInstance(each as ServiceInstance));
        expect(JSON.stringify(read)).toBe(JSON.stringify(each));
      }),
    );
  });
});

describe("a strategy", () => {
  const three = ["a", "b", "c"].map((id) => instanceOf(id));
  const context = (randoms: readonly number[] = [0], failed: Readonly<Record<string, number>> = {}) => {
    let next = 0;
    return {
      random: () => randoms[next++ % randoms.length] ?? 0,
      failedAtMs: ({ id }: ServiceInstance) => failed[id],
    };
  };
  const picks = (strategy: ProviderStrategy, count: number, instances = three, about = context()) =>
    Array.from({ length: count }, () => strategy(instances, about)?.id).join("");

  it("takes turns, and does not lose its place when one goes (Curator's counter fails where it wraps)", () => {
    const strategy = roundRobin();
    expect(picks(strategy, 4)).toBe("abca");
    expect(picks(strategy, 2, [three[0]!, three[2]!])).toBe("ca");
    expect(picks(strategy, 2)).toBe("bc");
  });

  it("takes any", () => {
    expect(picks(randomStrategy(), 3, three, context([0, 0.5, 0.999]))).toBe("abc");
  });

  it("sticks to one until it is gone", () => {
    const strategy = sticky(roundRobin());
    expect(picks(strategy, 3)).toBe("aaa");
    expect(picks(strategy, 2, three.slice(1))).toBe("bb");
    expect(picks(strategy, 1)).toBe("b");
  });

  it("heeds weights, and leaves out who has none", () => {
    const weights = [
      instanceOf("a", { payload: { weight: 1 } }),
      instanceOf("b", { payload: { weight: 3 } }),
    ];
    expect(picks(weighted(), 4, weights, context([0, 0.24, 0.25, 0.99]))).toBe("aabb");
    const drained = [
      instanceOf("a", { payload: { weight: 0 } }),
      instanceOf("b"),
      instanceOf("c", { payload: { weight: "x" } }),
    ];
    expect(picks(weighted(), 3, drained, context([0, 0.5, 0.99]))).toBe("bbb");
    expect(weighted()([instanceOf("a", { payload: { weight: -1 } })], context())).toBeUndefined();
  });

  it("takes who failed longest ago, and before that who never did", () => {
    expect(picks(leastRecentlyFailed(), 4, three, context([0], { a: 5 }))).toBe("bcbc");
    expect(picks(leastRecentlyFailed(), 1, three, context([0], { a: 5, b: 3, c: 4 }))).toBe("b");
  });

  it("stays in its zone while there are enough", () => {
    const zones = ["x", "y", "x"].map((zone, index) => instanceOf("abc"[index]!, { payload: { zone } }));
    expect(picks(zoneAware({ zone: "x" }), 3, zones)).toBe("aca");
    expect(picks(zoneAware({ zone: "x", localMin: 3 }), 3, zones)).toBe("abc");
    expect(picks(zoneAware({ zone: "none" }), 2, zones)).toBe("ab");
  });
});

describe("instances that fail", () => {
  it("are left alone after two failures in half a minute, and until those are over", () => {
    const down = new DownInstances();
    down.failed("a", 0);
    expect(down.isDown("a", 1)).toBe(false);
    down.failed("a", 10_000);
    expect(down.isDown("a", 10_001)).toBe(true);
    expect(down.recoversInMs(10_000)).toBe(20_000);
    expect(down.isDown("a", 29_999)).toBe(true);
    expect(down.isDown("a", 30_000)).toBe(false);
    expect(down.failedAtMs("a", 30_000)).toBe(10_000);
    expect(down.recoversInMs(30_000)).toBe(Number.POSITIVE_INFINITY);
  });

  it("are well again when the time has come for which they were to be waited for, to the last bit", () => {
    const atMs = 7899.753248006292;
    const endMs = atMs + 2000;
    // The difference is rounded to less than what was added.
    expect(endMs - atMs).toBeLessThan(2000);
    const down = new DownInstances({ failures: 1, windowMs: 2000 });
    down.failed("a", atMs);
    expect(down.isDown("a", endMs - 0.001)).toBe(true);
    expect(down.recoversInMs(endMs - 0.001)).toBeGreaterThan(0);
    expect(down.isDown("a", endMs)).toBe(false);
    expect(down.recoversInMs(endMs)).toBe(Number.POSITIVE_INFINITY);
  });

  it("are well again after a success, and forgotten when they are gone", () => {
    const down = new DownInstances({ failures: 1, windowMs: 100 });
    for (const key of ["a", "b"]) down.failed(key, 0);
    down.succeeded("a");
    expect([down.isDown("a", 1), down.isDown("b", 1)]).toEqual([false, true]);
    down.keep(new Set(["a"]));
    expect(down.isDown("b", 1)).toBe(false);
  });
});
