import fc from "fast-check";
import * as protocol from "../../src/index.js";
import { type Codec, jute, type RecordCodec, type VectorCodec } from "../../src/index.js";

/** Every codec the package exports, by the name of its export. */
export const CODECS: ReadonlyMap<string, Codec<unknown>> = new Map(
  Object.entries(protocol as Record<string, unknown>).filter((entry): entry is [string, Codec<unknown>] =>
    isCodec(entry[1]),
  ),
);

function isCodec(value: unknown): value is Codec<unknown> {
  return (
    typeof value === "object" && value !== null && "bytesMin" in value && "read" in value && "write" in value
  );
}

export function isRecord(codec: Codec<unknown>): codec is RecordCodec<unknown> {
  return "fields" in codec;
}

function isVector(codec: Codec<unknown>): codec is VectorCodec<unknown, unknown> {
  return "element" in codec;
}

const int = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.constantFrom(0, -1, 2 ** 31 - 1, -(2 ** 31)),
);
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const bytes = fc.uint8Array({ maxLength: 64 });
const text = fc.oneof(fc.string({ unit: "binary", maxLength: 100 }), fc.string({ maxLength: 100 }));

/** Any value of a codec, made from its own description. */
export function anyOf(codec: Codec<unknown>): fc.Arbitrary<unknown> {
  if (isRecord(codec)) {
    const fields = codec.fields.map((field): [string, fc.Arbitrary<unknown>] => [
      field.name,
      anyOf(field.codec),
    ]);
    return fc.record(Object.fromEntries(fields));
  }
  if (isVector(codec)) return fc.array(anyOf(codec.element), { maxLength: 5 });
  if (codec === jute.ustring) return text;
  if (codec === jute.ustringOrNull) return fc.option(text);
  if (codec === jute.buffer) return fc.option(bytes);
  // The one optional field is the boolean at the end of the connect records.
  if (codec.bytesMin === 0) return fc.option(fc.boolean(), { nil: undefined });
  return BY_NAME.get(codec.name) ?? (MULTI.get(codec.name) as () => fc.Arbitrary<unknown>)();
}

const BY_NAME: ReadonlyMap<string, fc.Arbitrary<unknown>> = new Map<string, fc.Arbitrary<unknown>>([
  ["int", int],
  ["long", long],
  ["boolean", fc.boolean()],
]);

const operation = (type: number, request: Codec<unknown>) =>
  fc.record({ type: fc.constant(type), request: anyOf(request) });
const result = (type: number, body?: Codec<unknown>) =>
  (body === undefined ? fc.constant({}) : anyOf(body)).map((fields) => ({ type, ...(fields as object) }));
const several = (...parts: fc.Arbitrary<unknown>[]) => fc.array(fc.oneof(...parts), { maxLength: 6 });

const MULTI: ReadonlyMap<string, () => fc.Arbitrary<unknown>> = new Map([
  [
    "MultiRequest",
    () =>
      several(
        operation(1, protocol.CreateRequest),
        operation(2, protocol.DeleteRequest),
        operation(5, protocol.SetDataRequest),
        operation(13, protocol.CheckVersionRequest),
        operation(15, protocol.CreateRequest),
        operation(19, protocol.CreateRequest),
        operation(21, protocol.CreateTTLRequest),
      ),
  ],
  [
    "MultiResponse",
    () =>
      several(
        result(1, protocol.CreateResponse),
        result(2),
        result(5, protocol.SetDataResponse),
        result(13),
        result(15, protocol.Create2Response),
        result(-1, protocol.ErrorResponse),
      ),
  ],
  [
    "MultiReadRequest",
    () => several(operation(4, protocol.GetDataRequest), operation(8, protocol.GetChildrenRequest)),
  ],
  [
    "MultiReadResponse",
    () =>
      several(
        result(4, protocol.GetDataResponse),
        result(8, protocol.GetChildrenResponse),
        result(-1, protocol.ErrorResponse),
      ),
  ],
]);
