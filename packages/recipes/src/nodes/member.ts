/** A member of a group, as its znode tells, and who of several is the oldest. */
import type { Client, Stat } from "@zk/client";
import { bytesCodec, type Codec } from "../core/codec.js";
import { nameOf } from "../core/paths.js";
import { telemetryOf } from "../core/telemetry.js";
import { type GroupLayout, readMemberName } from "./group-layouts.js";

/** A member of a group. */
export interface Member<T = Uint8Array> {
  readonly id: string;
  /** What it says of itself; undefined when it says nothing, or nothing that can be read. */
  readonly payload: T | undefined;
  /** The czxid of its znode: one for each time that it joined, and growing with them. */
  readonly token: bigint;
  readonly path: string;
  /** The session that it lives in; 0n for a znode that is not ephemeral. */
  readonly sessionId: bigint;
  readonly layout: GroupLayout;
  /** Whether it is a membership of this very group object. */
  readonly isSelf: boolean;
}

/** What makes members of znodes. */
export class MemberReader<T> {
  readonly #client: Client;
  readonly #codec: Codec<T> | undefined;
  readonly #isSelf: (token: bigint) => boolean;

  /** @param codec of the payload; undefined for bytes as they are */
  constructor(client: Client, codec: Codec<T> | undefined, isSelf: (token: bigint) => boolean) {
    this.#client = client;
    this.#codec = codec;
    this.#isSelf = isSelf;
  }

  /** Reads a znode. Complains of a payload that means nothing. */
  read(path: string, data: Uint8Array | null, stat: Stat): Member<T> {
    const { layout, id } = readMemberName(nameOf(path));
    const text = new TextDecoder().decode(data ?? new Uint8Array(0));
    // kazoo writes the id there, whether the name has it or not.
    const isKazoos = layout === "party" || (layout === "shallowParty" && text === id);
    return {
      id: id ?? text,
      payload: isKazoos ? undefined : this.#payload(path, data),
      token: stat.czxid,
      path,
      sessionId: stat.ephemeralOwner,
      layout,
      isSelf: this.#isSelf(stat.czxid),
    };
  }

  #payload(path: string, data: Uint8Array | null): T | undefined {
    if (data === null || data.length === 0) return undefined;
    // Without a codec T is Uint8Array.
    const codec = this.#codec ?? (bytesCodec as unknown as Codec<T>);
    try {
      return codec.decode(data);
    } catch (error) {
      telemetryOf(this.#client).tell({ type: "badData", recipe: "Group", path, data, error });
      return undefined;
    }
  }
}

/** The member that joined first, by the transaction that made its znode: the same one for all who see the same members. */
export function oldestMember<T>(members: Iterable<Member<T>>): Member<T> | undefined {
  let oldest: Member<T> | undefined;
  for (const member of members) if (oldest === undefined || member.token < oldest.token) oldest = member;
  return oldest;
}
