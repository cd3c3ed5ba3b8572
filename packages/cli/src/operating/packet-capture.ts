/**
 * The TCP segments of a file of captured packets: pcap as tcpdump writes it, pcapng as Wireshark does.
 * Source: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, and the registry of link types at tcpdump.org.
 */
import { UsageError } from "../program/errors.js";

/** One segment. */
export interface Segment {
  /** `address:port`, in brackets where the address has colons. */
  readonly from: string;
  readonly to: string;
  readonly fromPort: number;
  readonly toPort: number;
  readonly sequence: number;
  /** What the sender has of the other side; 0 without `isAck`. */
  readonly acknowledged: number;
  readonly isSyn: boolean;
  readonly isAck: boolean;
  /** Whether nothing follows it from this side. */
  readonly isLast: boolean;
  readonly payload: Uint8Array;
  /** Whether the capture has all of its payload. */
  readonly isWhole: boolean;
  /** Microseconds since 1970. */
  readonly atMicros: number;
}

interface Packet {
  readonly linkType: number;
  readonly atMicros: number;
  readonly bytes: DataView;
}

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const VLANS = [0x8100, 0x88a8];
const TCP = 6;
/** Headers of IPv6 that may stand before the one of TCP: hop by hop, routing, destination. */
const IPV6_EXTENSIONS = [0, 43, 60];

/** @throws UsageError when the file is none, or is cut short in its head */
export function* readCapture(bytes: Uint8Array, name: string): Generator<Segment> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 24) throw new UsageError(`${name} is no capture: it is too short`);
  const magic = view.getUint32(0, true);
  const packets =
    magic === 0x0a0d0d0a
      ? packetsOfPcapng(view, name)
      : packetsOfPcap(
          view,
          [0xa1b2c3d4, 0xa1b23c4d].find((each) => each === magic || each === view.getUint32(0)),
          name,
        );
  for (const packet of packets) {
    const segment = segmentOf(packet);
    if (segment !== undefined) yield segment;
  }
}

function* packetsOfPcap(view: DataView, magic: number | undefined, name: string): Generator<Packet> {
  if (magic === undefined)
    throw new UsageError(`${name} is no capture`, "pcap, as of tcpdump -w, and pcapng are read");
  const isLittle = view.getUint32(0, true) === magic;
  const perMicro = magic === 0xa1b23c4d ? 1_000 : 1;
  // The upper bits say how long a checksum is.
  const linkType = view.getUint32(20, isLittle) & 0xffff;
  // A capture that was ended in the middle of a packet has all before that.
  for (let at = 24; at + 16 <= view.byteLength; ) {
    const length = view.getUint32(at + 8, isLittle);
    if (at + 16 + length > view.byteLength) return;
    const seconds = view.getUint32(at, isLittle);
    const atMicros = seconds * 1_000_000 + Math.round(view.getUint32(at + 4, isLittle) / perMicro);
    yield { linkType, atMicros, bytes: part(view, at + 16, length) };
    at += 16 + length;
  }
}

function* packetsOfPcapng(view: DataView, name: string): Generator<Packet> {
  let isLittle = true;
  let interfaces: { readonly linkType: number; readonly perMicro: number }[] = [];
  for (let at = 0; at + 12 <= view.byteLength; ) {
    const isSection = view.getUint32(at, true) === 0x0a0d0d0a;
    if (isSection) {
      isLittle = view.getUint32(at + 8, true) === 0x1a2b3c4d;
      interfaces = [];
    }
    const type = view.getUint32(at, isLittle);
    const length = view.getUint32(at + 4, isLittle);
    if (length < 12 || length % 4 !== 0) throw new UsageError(`${name}: a block at byte ${at} has no length`);
    if (at + length > view.byteLength) return;
    const block = part(view, at + 8, length - 12);
    if (type === 1 && block.byteLength >= 8)
      interfaces.push({ linkType: block.getUint16(0, isLittle), perMicro: ticksPerMicro(block, isLittle) });
    if (type === 6 && block.byteLength >= 20) {
      const from = interfaces[block.getUint32(0, isLittle)];
      const captured = block.getUint32(12, isLittle);
      if (from !== undefined && 20 + captured <= block.byteLength) {
        // Ticks of a nanosecond since 1970 are more than a number holds exactly; its halves are not.
        const atMicros = Math.round(
          (block.getUint32(4, isLittle) * 2 ** 32) / from.perMicro +
            block.getUint32(8, isLittle) / from.perMicro,
        );
        yield { linkType: from.linkType, atMicros, bytes: part(block, 20, captured) };
      }
    }
    at += length;
  }
}

/** The option if_tsresol of an interface: a power of ten, or of two; microseconds when there is none. */
function ticksPerMicro(block: DataView, isLittle: boolean): number {
  for (let at = 8; at + 4 <= block.byteLength; ) {
    const code = block.getUint16(at, isLittle);
    const length = block.getUint16(at + 2, isLittle);
    if (code === 9 && length === 1 && at + 5 <= block.byteLength) {
      const value = block.getUint8(at + 4);
      return (value & 0x80 ? 2 ** (value & 0x7f) : 10 ** value) / 1_000_000;
    }
    if (code === 0) break;
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return 1;
}

/** Where the packet of the internet begins, and of which kind it is; undefined for other packets. */
function networkOf({ linkType, bytes }: Packet): { readonly at: number; readonly type: number } | undefined {
  const byVersion = (at: number): { readonly at: number; readonly type: number } | undefined => {
    const version = at < bytes.byteLength ? bytes.getUint8(at) >> 4 : 0;
    return version === 4 ? { at, type: IPV4 } : version === 6 ? { at, type: IPV6 } : undefined;
  };
  switch (linkType) {
    // Ethernet, with the tags of virtual networks.
    case 1: {
      let at = 12;
      while (at + 2 <= bytes.byteLength && VLANS.includes(bytes.getUint16(at))) at += 4;
      return at + 2 <= bytes.byteLength ? { at: at + 2, type: bytes.getUint16(at) } : undefined;
    }
    // The loopback of BSD and macOS.
    case 0:
    case 108:
      return byVersion(4);
    case 12:
    case 14:
    case 101:
    case 228:
    case 229:
      return byVersion(0);
    // `tcpdump -i any` on Linux, both of its forms.
    case 113:
      return byVersion(16);
    case 276:
      return byVersion(20);
    default:
      return undefined;
  }
}

function segmentOf(packet: Packet): Segment | undefined {
  const network = networkOf(packet);
  const { bytes, atMicros } = packet;
  if (network?.type === IPV4) {
    const { at } = network;
    if (at + 20 > bytes.byteLength || bytes.getUint8(at + 9) !== TCP) return undefined;
    // The later part of a packet that was sent in pieces has no header of TCP.
    if ((bytes.getUint16(at + 6) & 0x1fff) !== 0) return undefined;
    const head = (bytes.getUint8(at) & 15) * 4;
    const address = (from: number): string =>
      [0, 1, 2, 3].map((index) => bytes.getUint8(from + index)).join(".");
    // A network card that splits packets itself leaves the length to it.
    const length = bytes.getUint16(at + 2) || bytes.byteLength - at;
    return tcpOf(bytes, at + head, at + length, address(at + 12), address(at + 16), atMicros);
  }
  if (network?.type === IPV6) {
    const { at } = network;
    if (at + 40 > bytes.byteLength) return undefined;
    const address = (from: number): string =>
      `[${Array.from({ length: 8 }, (_, index) => bytes.getUint16(from + index * 2).toString(16)).join(":")}]`;
    const end = at + 40 + (bytes.getUint16(at + 4) || bytes.byteLength - at - 40);
    let next = bytes.getUint8(at + 6);
    let begin = at + 40;
    while (IPV6_EXTENSIONS.includes(next) && begin + 2 <= bytes.byteLength) {
      next = bytes.getUint8(begin);
      begin += (bytes.getUint8(begin + 1) + 1) * 8;
    }
    return next === TCP ? tcpOf(bytes, begin, end, address(at + 8), address(at + 24), atMicros) : undefined;
  }
  return undefined;
}

function tcpOf(
  bytes: DataView,
  at: number,
  end: number,
  from: string,
  to: string,
  atMicros: number,
): Segment | undefined {
  if (at + 20 > bytes.byteLength || at + 20 > end) return undefined;
  const [fromPort, toPort] = [bytes.getUint16(at), bytes.getUint16(at + 2)];
  const flags = bytes.getUint8(at + 13);
  const begin = Math.min(at + (bytes.getUint8(at + 12) >> 4) * 4, end);
  const captured = part(
    bytes,
    Math.min(begin, bytes.byteLength),
    Math.max(0, Math.min(end, bytes.byteLength) - begin),
  );
  return {
    from: `${from}:${fromPort}`,
    to: `${to}:${toPort}`,
    fromPort,
    toPort,
    sequence: bytes.getUint32(at + 4),
    acknowledged: (flags & 16) !== 0 ? bytes.getUint32(at + 8) : 0,
    isSyn: (flags & 2) !== 0,
    isAck: (flags & 16) !== 0,
    // FIN or RST.
    isLast: (flags & 5) !== 0,
    payload: new Uint8Array(captured.buffer, captured.byteOffset, captured.byteLength),
    isWhole: captured.byteLength === end - begin,
    atMicros,
  };
}

function part(view: DataView, at: number, length: number): DataView {
  return new DataView(view.buffer, view.byteOffset + at, length);
}
