import { utf8Bytes } from "./jute/utf8.js";

/**
 * The id of the `digest` scheme for a user: what goes into an ACL, and what a server makes of the clear text in an auth
 * packet.
 *
 * Source: ZooKeeper 3.4.6, DigestAuthenticationProvider.java, generateDigest
 *
 * @param user name without a colon
 * @param password clear text
 * @returns `user:` and the base64 of the SHA-1 of `user:password`
 * @example
 * digestId("bob", "bobsecret"); // "bob:WGAwC+XYxdw8bJ5K6KcPh8oL58U="
 */
export function digestId(user: string, password: string): string {
  return `${user}:${base64(sha1(utf8Bytes(`${user}:${password}`)))}`;
}

/** SHA-1, 20 bytes. For ACL ids only, where servers ask for it: it is no longer safe for anything else. */
export function sha1(message: Uint8Array): Uint8Array {
  // Padding: one bit, zeros, and the length in bits as 64-bit number at the end of the last block of 64 bytes.
  const blocks = Math.ceil((message.length + 9) / 64);
  const padded = new Uint8Array(blocks * 64);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(message.length / 0x2000_0000));
  view.setUint32(padded.length - 4, (message.length << 3) >>> 0);

  const state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  for (let block = 0; block < blocks; block++) mixBlock(state, view, block * 64);

  const digest = new Uint8Array(20);
  const out = new DataView(digest.buffer);
  for (const [index, word] of state.entries()) out.setUint32(index * 4, word >>> 0);
  return digest;
}

function mixBlock(state: number[], view: DataView, offset: number): void {
  const words = new Int32Array(80);
  for (let t = 0; t < 16; t++) words[t] = view.getInt32(offset + t * 4);
  for (let t = 16; t < 80; t++) {
    words[t] = rotateLeft(words[t - 3]! ^ words[t - 8]! ^ words[t - 14]! ^ words[t - 16]!, 1);
  }
  let [a, b, c, d, e] = state as [number, number, number, number, number];
  for (let t = 0; t < 80; t++) {
    const [mixed, constant] = round(t, b, c, d);
    const next = (rotateLeft(a, 5) + mixed + e + constant + words[t]!) | 0;
    e = d;
    d = c;
    c = rotateLeft(b, 30);
    b = a;
    a = next;
  }
  for (const [index, value] of [a, b, c, d, e].entries()) state[index] = (state[index]! + value) | 0;
}

function round(t: number, b: number, c: number, d: number): [number, number] {
  if (t < 20) return [(b & c) | (~b & d), 0x5a827999];
  if (t < 40) return [b ^ c ^ d, 0x6ed9eba1];
  if (t < 60) return [(b & c) | (b & d) | (c & d), 0x8f1bbcdc];
  return [b ^ c ^ d, 0xca62c1d6];
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Base64 with padding. */
export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const triple = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text += BASE64[triple >> 18]! + BASE64[(triple >> 12) & 63]!;
    text += at + 1 < bytes.length ? BASE64[(triple >> 6) & 63]! : "=";
    text += at + 2 < bytes.length ? BASE64[triple & 63]! : "=";
  }
  return text;
}
