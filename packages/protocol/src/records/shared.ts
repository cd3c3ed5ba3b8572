import { int, long, ustring } from "../jute/primitives.js";
import { type RecordCodec, record } from "../jute/record.js";

/** Who an ACL entry is about. */
export interface Id {
  /** `world`, `auth`, `digest`, `ip`, `sasl`, `x509`, or the name of a server's own plug-in. */
  readonly scheme: string;
  /** What the scheme makes of it, such as `anyone` or `bob:WGAwC+XYxdw8bJ5K6KcPh8oL58U=`. */
  readonly id: string;
}
export const Id: RecordCodec<Id> = record<Id>("Id", { scheme: ustring, id: ustring });

/** One entry of an access control list. */
export interface Acl {
  /** Bits of `Permission`. */
  readonly perms: number;
  readonly id: Id;
}
export const Acl: RecordCodec<Acl> = record<Acl>(
  "ACL",
  { perms: int, id: Id },
  {
    write: (writer, value) => {
      writer.int(value.perms);
      ustring.write(writer, value.id.scheme);
      ustring.write(writer, value.id.id);
    },
  },
);

/** What a server tells of a node beside its data. Always 68 bytes. */
export interface Stat {
  /** zxid of the node's creation. */
  readonly czxid: bigint;
  /** zxid of the last change of its data. */
  readonly mzxid: bigint;
  /** Server's wall clock at creation, in ms since 1970. */
  readonly ctime: bigint;
  /** Server's wall clock at the last change of data, in ms since 1970. */
  readonly mtime: bigint;
  /** How often its data was set. */
  readonly version: number;
  /** How many children were created or deleted. */
  readonly cversion: number;
  /** How often its ACL was set. */
  readonly aversion: number;
  /** Session that owns it, 0 when it is not ephemeral (0 too for container and TTL nodes). */
  readonly ephemeralOwner: bigint;
  /** Length of its data in bytes, 0 for null and for empty data. */
  readonly dataLength: number;
  /** How many children it has. */
  readonly numChildren: number;
  /** zxid of the last creation or deletion of a child. */
  readonly pzxid: bigint;
}
export const Stat: RecordCodec<Stat> = record<Stat>(
  "Stat",
  {
    czxid: long,
    mzxid: long,
    ctime: long,
    mtime: long,
    version: int,
    cversion: int,
    aversion: int,
    ephemeralOwner: long,
    dataLength: int,
    numChildren: int,
    pzxid: long,
  },
  {
    read: (reader) => ({
      czxid: reader.long(),
      mzxid: reader.long(),
      ctime: reader.long(),
      mtime: reader.long(),
      version: reader.int(),
      cversion: reader.int(),
      aversion: reader.int(),
      ephemeralOwner: reader.long(),
      dataLength: reader.int(),
      numChildren: reader.int(),
      pzxid: reader.long(),
    }),
    write: (writer, value) => {
      writer.long(value.czxid);
      writer.long(value.mzxid);
      writer.long(value.ctime);
      writer.long(value.mtime);
      writer.int(value.version);
      writer.int(value.cversion);
      writer.int(value.aversion);
      writer.long(value.ephemeralOwner);
      writer.int(value.dataLength);
      writer.int(value.numChildren);
      writer.long(value.pzxid);
    },
  },
);

/** One identity of a connection, as `whoAmI` tells it (3.7.0 and later). */
export interface ClientInfo {
  readonly authScheme: string;
  /** For digest the part before the colon; empty for the super user. */
  readonly user: string;
}
export const ClientInfo: RecordCodec<ClientInfo> = record<ClientInfo>("ClientInfo", {
  authScheme: ustring,
  user: ustring,
});
