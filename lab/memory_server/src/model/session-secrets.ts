/**
 * Session ids and passwords as the real servers make them.
 *
 * Source: ZooKeeper 3.4.6, SessionTrackerImpl.java, initializeNextSession, and ZooKeeperServer.java, generatePasswd
 */

const PASSWORD_BYTES = 16;
const SUPER_SECRET = 0xb3415c00n;
const MULTIPLIER = 0x5deece66dn;
const MASK_48 = (1n << 48n) - 1n;

/** The first session id of a server that begins its service at this wall-clock time. */
export function firstSessionId(serverId: number, wallMs: number): bigint {
  const time = BigInt.asUintN(64, BigInt(Math.floor(wallMs)) << 24n) >> 8n;
  return BigInt.asIntN(64, time | (BigInt(serverId) << 56n));
}

/** The password that goes with a session id, the same on every server: the first bytes of a Java `Random` seeded with it. */
export function passwordOf(sessionId: bigint): Uint8Array {
  let state = (BigInt.asUintN(64, sessionId ^ SUPER_SECRET) ^ MULTIPLIER) & MASK_48;
  const password = new Uint8Array(PASSWORD_BYTES);
  for (let at = 0; at < PASSWORD_BYTES; at += 4) {
    state = (state * MULTIPLIER + 0xbn) & MASK_48;
    const bits = Number(state >> 16n);
    for (let byte = 0; byte < 4; byte += 1) password[at + byte] = (bits / 2 ** (8 * byte)) & 0xff;
  }
  return password;
}

/** Whether a client may take a session over. Every server can tell without asking. */
export function isPasswordOf(sessionId: bigint, password: Uint8Array): boolean {
  const right = passwordOf(sessionId);
  return password.length === right.length && right.every((byte, index) => byte === password[index]);
}
