/** Captures made over again: the packets of a real one in other orders, other clothes, other files. */

/** One packet with its Ethernet header. */
export interface Frame {
  readonly seconds: number;
  readonly micros: number;
  readonly bytes: Buffer;
}

const ETHERNET = 14;
const IPV4_HEAD = 20;

/** The packets of a pcap in the order of little ends, with Ethernet headers and IPv4. */
export function framesOf(capture: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 24; at < capture.length; ) {
    const length = capture.readUInt32LE(at + 8);
    frames.push({
      seconds: capture.readUInt32LE(at),
      micros: capture.readUInt32LE(at + 4),
      bytes: capture.subarray(at + 16, at + 16 + length),
    });
    at += 16 + length;
  }
  return frames;
}

/** A pcap; big ends and nanoseconds where it is asked for. */
export function pcapOf(
  frames: readonly Frame[],
  { linkType = 1, isBig = false, isNano = false, snapLength = 65_535 } = {},
): Buffer {
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    if (isBig) bytes.writeUInt32BE(value);
    else bytes.writeUInt32LE(value);
    return bytes;
  };
  const head = [
    isNano ? 0xa1b23c4d : 0xa1b2c3d4,
    isBig ? 0x00020004 : 0x00040002,
    0,
    0,
    snapLength,
    linkType,
  ];
  return Buffer.concat([
    ...head.map(number),
    ...frames.flatMap(({ seconds, micros, bytes }) => [
      ...[seconds, isNano ? micros * 1_000 : micros, Math.min(bytes.length, snapLength), bytes.length].map(
        number,
      ),
      bytes.subarray(0, snapLength),
    ]),
  ]);
}

/** A pcapng with one interface, whose clock ticks in nanoseconds. */
export function pcapngOf(frames: readonly Frame[]): Buffer {
  const block = (type: number, body: Buffer): Buffer => {
    const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(type, 0);
    head.writeUInt32LE(padded.length + 12, 4);
    return Buffer.concat([head, padded, head.subarray(4)]);
  };
  const section = Buffer.from("4d3c2b1a01000000ffffffffffffffff", "hex");
  // Link type 1, no limit, then the option if_tsresol: 9.
  const face = Buffer.from("0100000000000000090001000900000000000000", "hex");
  return Buffer.concat([
    block(0x0a0d0d0a, section),
    block(1, face),
    ...frames.map(({ seconds, micros, bytes }) => {
      const ticks = BigInt(seconds) * 1_000_000_000n + BigInt(micros) * 1_000n;
      const head = Buffer.alloc(20);
      head.writeUInt32LE(Number(ticks >> 32n), 4);
      head.writeUInt32LE(Number(ticks & 0xffffffffn), 8);
      head.writeUInt32LE(bytes.length, 12);
      head.writeUInt32LE(bytes.length, 16);
      return block(6, Buffer.concat([head, bytes]));
    }),
  ]);
}

/** Each with other bytes in front of its IPv4 header. */
export function relinked(frames: readonly Frame[], head: Buffer): Frame[] {
  return frames.map((frame) => ({ ...frame, bytes: Buffer.concat([head, frame.bytes.subarray(ETHERNET)]) }));
}

/** The same segments in packets of IPv6, with an extension header. */
export function asIpv6(frames: readonly Frame[]): Frame[] {
  return frames.map((frame) => {
    const tcp = frame.bytes.subarray(ETHERNET + IPV4_HEAD);
    const head = Buffer.alloc(48);
    head[0] = 0x60;
    head.writeUInt16BE(tcp.length + 8, 4);
    head[6] = 60;
    frame.bytes.copy(head, 8, ETHERNET + 12, ETHERNET + 16);
    frame.bytes.copy(head, 24, ETHERNET + 16, ETHERNET + 20);
    head[40] = 6;
    const ethernet = Buffer.concat([frame.bytes.subarray(0, 12), Buffer.from([0x86, 0xdd])]);
    return { ...frame, bytes: Buffer.concat([ethernet, head, tcp]) };
  });
}

/** Each segment with data in pieces of so many bytes. */
export function inPieces(frames: readonly Frame[], size: number): Frame[] {
  return frames.flatMap((frame) => {
    const begin = ETHERNET + IPV4_HEAD + (frame.bytes[ETHERNET + IPV4_HEAD + 12]! >> 4) * 4;
    const data = frame.bytes.subarray(begin);
    if (data.length === 0) return [frame];
    return Array.from({ length: Math.ceil(data.length / size) }, (_, index) => {
      const piece = data.subarray(index * size, (index + 1) * size);
      const bytes = Buffer.concat([frame.bytes.subarray(0, begin), piece]);
      bytes.writeUInt16BE(bytes.length - ETHERNET, ETHERNET + 2);
      const at = ETHERNET + IPV4_HEAD + 4;
      bytes.writeUInt32BE((frame.bytes.readUInt32BE(at) + index * size) >>> 0, at);
      return { ...frame, bytes };
    });
  });
}

/** Whether a packet opens a connection. */
export function isSyn({ bytes }: Frame): boolean {
  return ((bytes[ETHERNET + IPV4_HEAD + 13] ?? 0) & 2) !== 0;
}

/** All sequence numbers moved by so much, so that they pass the end of their ring. */
export function movedBy(frames: readonly Frame[], distance: number): Frame[] {
  return frames.map((frame) => {
    const bytes = Buffer.from(frame.bytes);
    const at = ETHERNET + IPV4_HEAD + 4;
    bytes.writeUInt32BE((bytes.readUInt32BE(at) + distance) >>> 0, at);
    return { ...frame, bytes };
  });
}
