/**
 * What of an answer depends on when and where a run took place, told without that: zxids count from the root's creation,
 * times say only which transaction they are the time of, sessions have numbers, the root is `$`.
 *
 * The counters of `/`, `/zookeeper` and `/zookeeper/quota` go on from run to run; they count from the start of this one.
 */
import { createHash } from "node:crypto";
import type { Stat } from "@zk/protocol";
import type { Field } from "./trace.js";

/** What the counters of a znode that outlives the run were at its start. */
export type StatOffsets = Pick<Stat, "version" | "cversion" | "aversion" | "numChildren">;

const NO_OFFSETS: StatOffsets = { version: 0, cversion: 0, aversion: 0, numChildren: 0 };
const TEXT_SHOWN_MAX = 64;
const rootName = /^d-\d{7}$/;

export class NormalForm {
  readonly root: string;
  /** That of the creation of the root. */
  readonly startZxid: bigint;
  readonly #offsets: ReadonlyMap<string, StatOffsets>;
  readonly #sessions = new Map<bigint, string>();
  readonly #times = new Map<bigint, bigint>();

  /**
   * @param about `root`: its path; `zxid`: that of its creation; `offsets`: of the znodes that outlive the run
   */
  constructor(about: {
    readonly root: string;
    readonly zxid: bigint;
    readonly offsets: ReadonlyMap<string, StatOffsets>;
  }) {
    this.root = about.root;
    this.startZxid = about.zxid;
    this.#offsets = about.offsets;
  }

  /** Gives a session its name. */
  nameSession(id: bigint, name: string): void {
    this.#sessions.set(id, name);
  }

  session(id: bigint): string {
    if (id === 0n) return "0";
    return this.#sessions.get(id) ?? "unknown";
  }

  zxid(zxid: bigint): string {
    if (zxid <= 0n) return String(zxid);
    return zxid < this.startZxid ? "earlier" : `+${zxid - this.startZxid}`;
  }

  /** ASCII as it is, other bytes as `\xNN`; null is not the empty text. */
  text(bytes: Uint8Array | null): string {
    if (bytes === null) return "null";
    let text = "";
    for (const byte of bytes) {
      text +=
        byte > 0x20 && byte < 0x7f && byte !== 0x5c
          ? String.fromCharCode(byte)
          : `\\x${byte.toString(16).padStart(2, "0")}`;
    }
    return text.includes(this.root) ? text.replace(this.root, "$") : `"${text}"`;
  }

  /** Long data by length and digest. */
  data(bytes: Uint8Array | null): string {
    if (bytes === null) return "null";
    if (bytes.length <= TEXT_SHOWN_MAX) return `${bytes.length}:${this.text(bytes)}`;
    return `${bytes.length}:sha1-${createHash("sha1").update(bytes).digest("hex").slice(0, 12)}`;
  }

  /** Names of children; they come in no order, and other runs' roots are nobody's business. */
  children(names: readonly (Uint8Array | null)[]): string {
    const own = this.root.slice(1);
    const texts = names.map((name) => {
      const text = name === null ? "null" : Buffer.from(name).toString("latin1");
      return text === own ? "$" : text;
    });
    return texts
      .filter((text) => !rootName.test(text))
      .map((text) => (/^[\x21-\x7e]*$/.test(text) ? text : this.text(Buffer.from(text, "latin1"))))
      .sort()
      .join(",");
  }

  /** @param path of the znode, as far as it is known */
  stat(stat: Stat, path: string | undefined, prefix = ""): Field[] {
    const offsets = (path === undefined ? undefined : this.#offsets.get(path)) ?? NO_OFFSETS;
    return [
      [`${prefix}czxid`, this.zxid(stat.czxid)],
      [`${prefix}mzxid`, this.zxid(stat.mzxid)],
      [`${prefix}ctime`, this.#time(stat.ctime, stat.czxid)],
      [`${prefix}mtime`, this.#time(stat.mtime, stat.mzxid)],
      [`${prefix}version`, String(stat.version - offsets.version)],
      [`${prefix}cversion`, String(stat.cversion - offsets.cversion)],
      [`${prefix}aversion`, String(stat.aversion - offsets.aversion)],
      [`${prefix}ephemeralOwner`, this.session(stat.ephemeralOwner)],
      [`${prefix}dataLength`, String(stat.dataLength)],
      [`${prefix}numChildren`, String(stat.numChildren - offsets.numChildren)],
      [`${prefix}pzxid`, this.zxid(stat.pzxid)],
    ];
  }

  /** Every transaction has one time, and later ones have no earlier times: that is all there is to compare. */
  #time(time: bigint, zxid: bigint): string {
    if (zxid < this.startZxid) return zxid === 0n ? String(time) : "earlier";
    const known = this.#times.get(zxid);
    if (known !== undefined) return known === time ? `t${this.zxid(zxid)}` : `not t${this.zxid(zxid)}`;
    for (const [other, otherTime] of this.#times) {
      if (other < zxid ? otherTime > time : otherTime < time) return `out of order with t${this.zxid(other)}`;
    }
    this.#times.set(zxid, time);
    return `t${this.zxid(zxid)}`;
  }
}
