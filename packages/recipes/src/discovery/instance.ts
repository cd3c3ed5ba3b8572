/**
 * An instance of a service, and its JSON.
 *
 * Layout: exactly the fields of Apache Curator, in its order: `name`, `id`, `address`, `port`, `sslPort`, `payload`,
 * `registrationTimeUTC`, `serviceType`, `uriSpec`, and `enabled` only if asked for: all of Curator 2 and 3 refuse what they do not
 * know. An object as payload may have the name of a Java class as its first member, `@class`; here it is a name and no more.
 *
 * Source: Curator 4.3.0 and 5.4.0, written by the real library (lab/interop/fixtures/layouts/curator-*), ServiceInstance.java
 */
import { textCodec } from "../core/codec.js";
import { formatUriSpec, parseUriSpec, type UriPart } from "./uri-spec.js";

/**
 * How long an instance is registered.
 *
 * - `DYNAMIC`: as long as we live.
 * - `STATIC`, `PERMANENT`: until somebody removes it.
 * - `DYNAMIC_SEQUENTIAL`: as `DYNAMIC`, with a number behind its id. It is read, and not written: its own library does not find
 *   it again.
 */
export type ServiceType = "DYNAMIC" | "STATIC" | "PERMANENT" | "DYNAMIC_SEQUENTIAL";

const SERVICE_TYPES: readonly string[] = ["DYNAMIC", "STATIC", "PERMANENT", "DYNAMIC_SEQUENTIAL"];

/** One instance of a service, as it is registered. */
export interface ServiceInstance<Payload = unknown> {
  /** Of the service. */
  readonly name: string;
  readonly id: string;
  readonly address: string | null;
  readonly port: number | null;
  readonly sslPort: number | null;
  readonly payload: Payload | null;
  /** The Java class that a payload names itself. */
  readonly javaClass: string | undefined;
  /** When it was registered, in milliseconds since 1970, on its own clock. */
  readonly registrationTimeUTC: number;
  readonly serviceType: ServiceType;
  /** A template, see {@link fillUriSpec}. */
  readonly uriSpec: string | null;
  /** False for one that does not want to be used now. */
  readonly enabled: boolean;
}

/** @param options `enabled`: write that field too. Default only when it is false */
export function encodeInstance(
  instance: ServiceInstance,
  options: { readonly enabled?: boolean | undefined } = {},
): Uint8Array {
  const { name, id, address, port, sslPort, registrationTimeUTC, serviceType, uriSpec, enabled } = instance;
  const writesEnabled = options.enabled ?? !enabled;
  return textCodec.encode(
    JSON.stringify({
      name,
      id,
      address,
      port,
      sslPort,
      payload: payloadOf(instance),
      registrationTimeUTC,
      serviceType,
      uriSpec: uriSpec === null ? null : { parts: parseUriSpec(uriSpec) },
      ...(writesEnabled ? { enabled } : {}),
    }),
  );
}

/**
 * What is registered. Fields that are missing are what Curator takes them for, others are ignored.
 * @throws Error saying what is wrong
 */
export function decodeInstance(data: Uint8Array | null): ServiceInstance {
  if (data === null || data.length === 0) throw new TypeError("there is no data");
  const json: unknown = JSON.parse(textCodec.decode(data));
  if (!isObject(json)) throw new TypeError("it is no JSON object");
  const { payload, javaClass } = withoutClass(json["payload"]);
  const serviceType = json["serviceType"] ?? "DYNAMIC";
  if (typeof serviceType !== "string" || !SERVICE_TYPES.includes(serviceType))
    throw new TypeError(`serviceType is ${JSON.stringify(serviceType)}`);
  return {
    name: needed(json, "name"),
    id: needed(json, "id"),
    address: textOf(json, "address"),
    port: numberOf(json, "port"),
    sslPort: numberOf(json, "sslPort"),
    payload,
    javaClass,
    registrationTimeUTC: numberOf(json, "registrationTimeUTC") ?? 0,
    serviceType: serviceType as ServiceType,
    uriSpec: uriSpecOf(json["uriSpec"]),
    enabled: json["enabled"] !== false,
  };
}

function payloadOf({ payload, javaClass }: ServiceInstance): unknown {
  if (javaClass === undefined || !isObject(payload)) return payload ?? null;
  return { "@class": javaClass, ...payload };
}

function withoutClass(payload: unknown): {
  readonly payload: unknown;
  readonly javaClass: string | undefined;
} {
  if (!isObject(payload) || typeof payload["@class"] !== "string")
    return { payload: payload ?? null, javaClass: undefined };
  const { "@class": javaClass, ...rest } = payload;
  return { payload: rest, javaClass };
}

function uriSpecOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  const parts = isObject(value) ? value["parts"] : undefined;
  if (!Array.isArray(parts)) throw new TypeError("uriSpec has no parts");
  const isPart = (part: unknown): part is UriPart => isObject(part) && typeof part["value"] === "string";
  if (!parts.every(isPart)) throw new TypeError("a part of uriSpec has no value");
  return formatUriSpec(
    parts.map(({ value: text, variable }) => ({ value: text, variable: variable === true })),
  );
}

function needed(json: Readonly<Record<string, unknown>>, field: string): string {
  const value = json[field];
  if (typeof value === "string" && value !== "") return value;
  throw new TypeError(`${field} is ${JSON.stringify(value)}`);
}

function textOf(json: Readonly<Record<string, unknown>>, field: string): string | null {
  const value = json[field] ?? null;
  if (value === null || typeof value === "string") return value;
  throw new TypeError(`${field} is ${JSON.stringify(value)}`);
}

function numberOf(json: Readonly<Record<string, unknown>>, field: string): number | null {
  const value = json[field] ?? null;
  if (value === null || (typeof value === "number" && Number.isSafeInteger(value))) return value;
  throw new TypeError(`${field} is ${JSON.stringify(value)}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
