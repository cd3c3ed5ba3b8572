/** What clients and servers said to each other in a capture: bytes put into their order, and read as those of the proxy are. */
import type { Segment } from "./packet-capture.js";
import { WireReader, type WireRecord } from "./wire-reader.js";

/** What could not be read, in words. */
export interface TraceReport {
  /** Connections that had begun before the capture. */
  begunBefore: number;
  /** Connections of which the capture misses bytes, or has others than ZooKeeper's. */
  readonly broken: string[];
}

/** Bytes that wait for others before them, in one direction of a connection. */
const WAITING_MAX = 4 * 1024 * 1024;

interface Side {
  /** The sequence number that comes next; undefined before the first. */
  next: number | undefined;
  /** Where it ends, once that is known. */
  end: number | undefined;
  readonly waiting: Map<number, Segment>;
  waitingBytes: number;
}

interface Connection {
  readonly number: number;
  readonly client: string;
  /** The sequence number with which the client began. */
  readonly begin: number;
  readonly reader: WireReader;
  readonly sides: { readonly toServer: Side; readonly toClient: Side };
  isBroken: boolean;
}

/** @param ports those on which servers listen */
export function* traceOf(
  segments: Iterable<Segment>,
  ports: ReadonlySet<number>,
  report: TraceReport,
): Generator<WireRecord> {
  const connections = new Map<string, Connection>();
  const unknown = new Set<string>();
  let count = 0;
  // From the first packet on: the spans of so small numbers are exact.
  let firstMicros: number | undefined;
  let nowMs = 0;
  const clock = (): number => nowMs;
  for (const segment of segments) {
    const isToServer = ports.has(segment.toPort);
    if (!isToServer && !ports.has(segment.fromPort)) continue;
    firstMicros ??= segment.atMicros;
    nowMs = (segment.atMicros - firstMicros) / 1_000;
    const key = isToServer ? `${segment.from} ${segment.to}` : `${segment.to} ${segment.from}`;
    let connection = connections.get(key);
    if (segment.isSyn && !segment.isAck && isToServer) {
      // Sent again, or captured twice: on its way out and on its way in.
      if (connection?.begin === segment.sequence) continue;
      // The same port of a client may be used again.
      if (connection !== undefined) yield* connection.reader.unanswered();
      connection = {
        number: ++count,
        client: segment.from,
        begin: segment.sequence,
        reader: new WireReader(count, clock),
        sides: { toServer: newSide(), toClient: newSide() },
        isBroken: false,
      };
      connections.set(key, connection);
      unknown.delete(key);
    }
    if (connection === undefined) {
      // Its frames have no beginning that could be found.
      if (segment.payload.length > 0 && !unknown.has(key)) {
        unknown.add(key);
        report.begunBefore++;
      }
      continue;
    }
    yield* take(connection, segment, isToServer, report);
  }
  for (const { number, client, reader, sides, isBroken } of connections.values()) {
    if (!isBroken && sides.toServer.waitingBytes + sides.toClient.waitingBytes > 0)
      report.broken.push(`#${number} of ${client}: ${MISSING}`);
    yield* reader.unanswered();
  }
}

function newSide(): Side {
  return { next: undefined, end: undefined, waiting: new Map(), waitingBytes: 0 };
}

function* take(
  connection: Connection,
  segment: Segment,
  isToServer: boolean,
  report: TraceReport,
): Generator<WireRecord> {
  if (connection.isBroken) return;
  const side = isToServer ? connection.sides.toServer : connection.sides.toClient;
  if (segment.isSyn) {
    side.next = (segment.sequence + 1) >>> 0;
    return;
  }
  if (segment.isLast) side.end = (segment.sequence + segment.payload.length) >>> 0;
  if (segment.payload.length === 0) return;
  const breakOff = (why: string): void => {
    connection.isBroken = true;
    report.broken.push(`#${connection.number} of ${connection.client}: ${why}`);
  };
  if (!segment.isWhole) return breakOff("its packets were cut short (tcpdump -s 0 takes them whole)");
  side.next ??= segment.sequence;
  side.waiting.set(segment.sequence, segment);
  side.waitingBytes += segment.payload.length;
  const { toServer, toClient } = connection.sides;
  try {
    // What has come may be what the other side waits for.
    for (let hasMore = true; hasMore; ) {
      hasMore = false;
      for (let chunk = nextOf(toServer); chunk !== undefined; chunk = nextOf(toServer)) {
        for (const _request of connection.reader.requests(chunk));
      }
      const chunk = nextOf(toClient, toServer);
      if (chunk !== undefined) {
        hasMore = true;
        for (const { record } of connection.reader.answers(chunk)) yield record;
      }
    }
  } catch (error) {
    return breakOff((error as Error).message);
  }
  if (side.waitingBytes > WAITING_MAX) breakOff(MISSING);
}

const MISSING = "packets are missing in the capture";

/**
 * The bytes that come next, without those that were sent again; undefined when they are not there yet. What acknowledges bytes of
 * the other side comes behind these: captures put packets of the two directions into a wrong order, and an answer before its
 * request would be one to nothing. (The end of a side counts as one byte.)
 */
function nextOf(side: Side, other?: Side): Uint8Array | undefined {
  for (const [sequence, { payload, isAck, acknowledged }] of side.waiting) {
    const taken = other?.next === undefined ? undefined : other.next + (other.next === other.end ? 1 : 0);
    if (taken !== undefined && isAck && ((taken - acknowledged) | 0) < 0) continue;
    // The distance on a ring of 2^32.
    const behind = ((side.next ?? 0) - sequence) | 0;
    if (behind < 0) continue;
    side.waiting.delete(sequence);
    side.waitingBytes -= payload.length;
    if (behind >= payload.length) continue;
    side.next = (sequence + payload.length) >>> 0;
    return payload.subarray(behind);
  }
  return undefined;
}
