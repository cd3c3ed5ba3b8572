import { utf8Bytes } from "@zk/protocol";
import { javaString } from "./java-text.js";

/**
 * The id of the `digest` scheme for the bytes of an auth packet: the text before the first colon, a colon, and the hash
 * of all of it. A text without a colon is its own user, and that is why `digestId` of `@zk/protocol`, which knows user and
 * password only, does not do.
 *
 * Source: ZooKeeper 3.4.6, DigestAuthenticationProvider.java, generateDigest
 */
export function digestOf(credentials: Uint8Array): string {
  const text = javaString(credentials);
  const colon = text.indexOf(":");
  return `${colon < 0 ? text : text.slice(0, colon)}:${base64(sha1(utf8Bytes(text)))}`;
}

/** SHA-1, 20 bytes. Source: RFC 3174, section 6.1 */
function sha1(message: Uint8Array): Uint8Array {
  const padded = new Uint8Array((((message.length + 8) >> 6) + 1) << 6);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(message.length) * 8n);
  const hash = new Int32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]);
  for (let at = 0; at < padded.length; at += 64) mix(hash, view, at);
  const bytes = new Uint8Array(20);
  const out = new DataView(bytes.buffer);
  for (const [index, word] of hash.entries()) out.setInt32(index * 4, word);
  return bytes;
}

function mix(hash: Int32Array, block: DataView, at: number): void {
  const words = new Int32Array(80);
  for (let t = 0; t < 80; t++) {
    words[t] =
      t < 16
        ? block.getInt32(at + t * 4)
        : rotate(words[t - 3]! ^ words[t - 8]! ^ words[t - 14]! ^ words[t - 16]!, 1);
  }
  let [a, b, c, d, e] = [hash[0]!, hash[1]!, hash[2]!, hash[3]!, hash[4]!];
  for (let t = 0; t < 80; t++) {
    const [mixed, constant] = STEPS[Math.floor(t / 20)]!;
    const next = (rotate(a, 5) + mixed(b, c, d) + e + words[t]! + constant) | 0;
    [e, d, c, b, a] = [d, c, rotate(b, 30), a, next];
  }
  for (const [index, value] of [a, b, c, d, e].entries()) hash[index] = hash[index]! + value;
}

type Mix = (b: number, c: number, d: number) => number;
const parity: Mix = (b, c, d) => b ^ c ^ d;
const STEPS: readonly (readonly [Mix, number])[] = [
  [(b, c, d) => (b & c) | (~b & d), 0x5a827999],
  [parity, 0x6ed9eba1],
  [(b, c, d) => (b & c) | (b & d) | (c & d), 0x8f1bbcdc],
  [parity, 0xca62c1d6],
];

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The 28 characters of 20 bytes. */
function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const three = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (let shift = 18; shift >= 0; shift -= 6) text += DIGITS[(three >> shift) & 63]!;
  }
  // Twenty bytes are six threes and a pair, which has one character less.
  return `${text.slice(0, -1)}=`;
}
