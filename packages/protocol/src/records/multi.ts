import { EncodeError, ProtocolError } from "../errors.js";
import type { Codec } from "../jute/codec.js";
import { bool, int } from "../jute/primitives.js";
import type { JuteReader } from "../jute/reader.js";
import { type RecordCodec, record } from "../jute/record.js";
import type { JuteWriter } from "../jute/writer.js";
import { GetChildrenRequest, GetChildrenResponse } from "./children.js";
import {
  CheckVersionRequest,
  Create2Response,
  CreateRequest,
  CreateResponse,
  CreateTTLRequest,
  DeleteRequest,
  GetDataRequest,
  GetDataResponse,
  SetDataRequest,
  SetDataResponse,
} from "./nodes.js";
import { ErrorResponse } from "./session.js";
import type { Stat } from "./shared.js";

/**
 * In front of each operation and each result of a multi, and once more at its end.
 *
 * An error result has type -1 just like the end: only `done` tells the end.
 * Source: ZooKeeper 3.4.6, MultiTransactionRecord.java and MultiResponse.java
 */
export interface MultiHeader {
  readonly type: number;
  readonly done: boolean;
  readonly err: number;
}
export const MultiHeader: RecordCodec<MultiHeader> = record<MultiHeader>("MultiHeader", {
  type: int,
  done: bool,
  err: int,
});

/** One operation of a multi: create (1), create2 (15, 3.5.0), createContainer (19, 3.5.1), createTTL (21, 3.5.3), delete (2), setData (5), check (13). */
export type MultiOperation =
  | { readonly type: 1 | 15 | 19; readonly request: CreateRequest }
  | { readonly type: 21; readonly request: CreateTTLRequest }
  | { readonly type: 2; readonly request: DeleteRequest }
  | { readonly type: 5; readonly request: SetDataRequest }
  | { readonly type: 13; readonly request: CheckVersionRequest };

/** One result of a multi. Go by its own type: before 3.7.2, 3.8.2 and 3.9.0 a create2 comes back as type 1 without stat. */
export type MultiResult =
  | { readonly type: 1; readonly path: string }
  | { readonly type: 15; readonly path: string; readonly stat: Stat }
  | { readonly type: 2 }
  | { readonly type: 5; readonly stat: Stat }
  | { readonly type: 13 }
  | { readonly type: -1; readonly err: number };

/** One read of a multiRead: getData (4) or getChildren (8); servers ignore the watch flag. */
export type MultiReadOperation =
  | { readonly type: 4; readonly request: GetDataRequest }
  | { readonly type: 8; readonly request: GetChildrenRequest };

/** One result of a multiRead; a failed one leaves the others as they are. */
export type MultiReadResult =
  | ({ readonly type: 4 } & GetDataResponse)
  | ({ readonly type: 8 } & GetChildrenResponse)
  | { readonly type: -1; readonly err: number };

/** The record after each header; null when the header stands alone. */
type BodyByType = ReadonlyMap<number, Codec<unknown> | null>;

const OPERATION_BODIES: BodyByType = new Map<number, Codec<unknown> | null>([
  [1, CreateRequest],
  [2, DeleteRequest],
  [5, SetDataRequest],
  [13, CheckVersionRequest],
  [15, CreateRequest],
  [19, CreateRequest],
  [21, CreateTTLRequest],
]);
const RESULT_BODIES: BodyByType = new Map<number, Codec<unknown> | null>([
  [-1, ErrorResponse],
  [1, CreateResponse],
  [2, null],
  [5, SetDataResponse],
  [13, null],
  [15, Create2Response],
]);
const READ_OPERATION_BODIES: BodyByType = new Map<number, Codec<unknown> | null>([
  [4, GetDataRequest],
  [8, GetChildrenRequest],
]);
const READ_RESULT_BODIES: BodyByType = new Map<number, Codec<unknown> | null>([
  [-1, ErrorResponse],
  [4, GetDataResponse],
  [8, GetChildrenResponse],
]);

/** Body of multi: all of the operations happen, or none. */
export const MultiRequest: Codec<readonly MultiOperation[]> = operations("MultiRequest", OPERATION_BODIES);

/**
 * Reply to multi. After a failure the header's err is still 0 and every result has type -1: 0 before the operation that
 * failed, its code there, -2 (RUNTIME_INCONSISTENCY) after it.
 */
export const MultiResponse: Codec<readonly MultiResult[]> = results("MultiResponse", RESULT_BODIES);

/** Body of multiRead (3.6.0 and later). */
export const MultiReadRequest: Codec<readonly MultiReadOperation[]> = operations(
  "MultiReadRequest",
  READ_OPERATION_BODIES,
);

/** Reply to multiRead. */
export const MultiReadResponse: Codec<readonly MultiReadResult[]> = results(
  "MultiReadResponse",
  READ_RESULT_BODIES,
);

function operations<T extends { readonly type: number; readonly request: unknown }>(
  name: string,
  bodyByType: BodyByType,
): Codec<readonly T[]> {
  return series<T>(name, bodyByType, {
    build: (type, body) => ({ type, request: body }) as T,
    bodyOf: (operation) => operation.request,
    errOf: () => -1,
  });
}

function results<T extends { readonly type: number }>(
  name: string,
  bodyByType: BodyByType,
): Codec<readonly T[]> {
  return series<T>(name, bodyByType, {
    build: (type, body) => ({ type, ...(body as object) }) as T,
    bodyOf: (result) => result,
    errOf: (result) => (result.type === -1 ? (result as unknown as ErrorResponse).err : 0),
  });
}

interface SeriesShape<T> {
  build(type: number, body: unknown): T;
  bodyOf(element: T): unknown;
  errOf(element: T): number;
}

/** Header and body by turns until a header says it is done. Each turn takes at least nine bytes: the frame is the bound. */
function series<T extends { readonly type: number }>(
  name: string,
  bodyByType: BodyByType,
  shape: SeriesShape<T>,
): Codec<readonly T[]> {
  function readElement(reader: JuteReader): T | null {
    const at = reader.position;
    const header = MultiHeader.read(reader);
    if (header.done) return null;
    const body = bodyByType.get(header.type);
    if (body === undefined) {
      throw reader.refuse("UNKNOWN_MULTI_TYPE", `type ${header.type}, which ${name} does not allow,`, at);
    }
    return shape.build(header.type, body === null ? undefined : body.read(reader));
  }

  function writeElement(writer: JuteWriter, element: T): void {
    const body = bodyByType.get(element?.type);
    if (body === undefined)
      throw new EncodeError(`type ${element?.type} cannot be written: ${name} does not allow it`);
    MultiHeader.write(writer, { type: element.type, done: false, err: shape.errOf(element) });
    body?.write(writer, shape.bodyOf(element));
  }

  return {
    name,
    bytesMin: MultiHeader.bytesMin,
    read(reader) {
      const elements: T[] = [];
      for (;;) {
        try {
          const element = readElement(reader);
          if (element === null) return elements;
          elements.push(element);
        } catch (error) {
          throw error instanceof ProtocolError ? error.within(name, `[${elements.length}]`) : error;
        }
      }
    },
    write(writer, elements) {
      for (const [index, element] of elements.entries()) {
        try {
          writeElement(writer, element);
        } catch (error) {
          throw error instanceof EncodeError ? error.within(name, `[${index}]`) : error;
        }
      }
      MultiHeader.write(writer, { type: -1, done: true, err: -1 });
    },
  };
}
