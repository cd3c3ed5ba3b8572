/**
 * Text as a server writes it: each UTF-16 unit for itself, so that a character outside of the basic plane takes six bytes
 * instead of four. It reads ordinary UTF-8 all the same, and a client that reads back such an ACL id or the path of such
 * a watch gets other bytes than it sent. Bytes that are no UTF-8 become U+FFFD in the way of Java.
 *
 * Source: ZooKeeper 3.4.6, BinaryOutputArchive.java, stringToByteBuffer; BinaryInputArchive.java, readString
 */
import {
  type Acl,
  type Codec,
  type GetACLResponse,
  type Id,
  jute,
  type RecordCodec,
  record,
  Stat,
  utf8Text,
  type WatcherEvent,
} from "@zk/protocol";

/** Text, with this way of writing it. */
export const javaText: Codec<string> = {
  name: "ustring",
  bytesMin: 4,
  read: (reader) => jute.ustring.read(reader),
  write: (writer, text) => {
    if (SURROGATE.test(text)) writer.buffer(javaBytes(text));
    else writer.ustring(text);
  },
};

/**
 * The text of bytes as Java reads them: as everyone does, but for the three bytes that would be one surrogate, or the
 * first two of them, which become one U+FFFD instead of one each.
 */
export function javaString(bytes: Uint8Array): string {
  const mended: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte !== 0xed || !(bytes[at + 1]! >= 0xa0 && bytes[at + 1]! <= 0xbf)) {
      mended.push(byte);
      continue;
    }
    mended.push(0xef, 0xbf, 0xbd);
    at += bytes[at + 2]! >= 0x80 && bytes[at + 2]! <= 0xbf ? 2 : 1;
  }
  return utf8Text(Uint8Array.from(mended));
}

/** A notification as a server writes it. */
export const ServerWatcherEvent: RecordCodec<WatcherEvent> = record<WatcherEvent>("WatcherEvent", {
  type: jute.int,
  state: jute.int,
  path: javaText,
});

/** The answer to getACL as a server writes it. */
export const ServerGetACLResponse: RecordCodec<GetACLResponse> = record<GetACLResponse>("GetACLResponse", {
  acl: jute.vector(
    record<Acl>("ACL", { perms: jute.int, id: record<Id>("Id", { scheme: javaText, id: javaText }) }),
  ),
  stat: Stat,
});

const SURROGATE = /[\ud800-\udfff]/;

function javaBytes(text: string): Uint8Array {
  const bytes: number[] = [];
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) bytes.push(unit);
    else if (unit < 0x800) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f));
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
  }
  return Uint8Array.from(bytes);
}
