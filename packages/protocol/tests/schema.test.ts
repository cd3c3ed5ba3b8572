import { describe, expect, it } from "vitest";
import { CODECS, isRecord } from "./support/codecs.js";

/**
 * The records of the client protocol from 3.4.6 to 3.9 in the notation of the server's schema, written down from what
 * the generated classes of 3.4.6 and 3.9.3 serialize, on its own and not from our records.
 *
 * `?` marks the boolean that older peers leave out. Left out here are the records of no client operation: LearnerInfo,
 * QuorumPacket, StatPersisted, the txn module, SetSASLRequest, GetMaxChildren* and SetMaxChildren*.
 */
const SCHEMA = `
  class Id { ustring scheme; ustring id; }
  class ACL { int perms; Id id; }
  class Stat { long czxid; long mzxid; long ctime; long mtime; int version; int cversion; int aversion;
    long ephemeralOwner; int dataLength; int numChildren; long pzxid; }
  class ClientInfo { ustring authScheme; ustring user; }
  class ConnectRequest { int protocolVersion; long lastZxidSeen; int timeOut; long sessionId; buffer passwd;
    boolean? readOnly; }
  class ConnectResponse { int protocolVersion; int timeOut; long sessionId; buffer passwd; boolean? readOnly; }
  class SetWatches { long relativeZxid; vector<ustring> dataWatches; vector<ustring> existWatches;
    vector<ustring> childWatches; }
  class SetWatches2 { long relativeZxid; vector<ustring> dataWatches; vector<ustring> existWatches;
    vector<ustring> childWatches; vector<ustring> persistentWatches; vector<ustring> persistentRecursiveWatches; }
  class RequestHeader { int xid; int type; }
  class MultiHeader { int type; boolean done; int err; }
  class AuthPacket { int type; ustring scheme; buffer auth; }
  class ReplyHeader { int xid; long zxid; int err; }
  class GetDataRequest { ustring path; boolean watch; }
  class SetDataRequest { ustring path; buffer data; int version; }
  class ReconfigRequest { ustring joiningServers; ustring leavingServers; ustring newMembers; long curConfigId; }
  class SetDataResponse { Stat stat; }
  class GetSASLRequest { buffer token; }
  class SetSASLResponse { buffer token; }
  class CreateRequest { ustring path; buffer data; vector<ACL> acl; int flags; }
  class CreateTTLRequest { ustring path; buffer data; vector<ACL> acl; int flags; long ttl; }
  class DeleteRequest { ustring path; int version; }
  class GetChildrenRequest { ustring path; boolean watch; }
  class GetAllChildrenNumberRequest { ustring path; }
  class GetChildren2Request { ustring path; boolean watch; }
  class CheckVersionRequest { ustring path; int version; }
  class SyncRequest { ustring path; }
  class SyncResponse { ustring path; }
  class GetACLRequest { ustring path; }
  class SetACLRequest { ustring path; vector<ACL> acl; int version; }
  class SetACLResponse { Stat stat; }
  class AddWatchRequest { ustring path; int mode; }
  class WatcherEvent { int type; int state; ustring path; }
  class ErrorResponse { int err; }
  class CreateResponse { ustring path; }
  class Create2Response { ustring path; Stat stat; }
  class ExistsRequest { ustring path; boolean watch; }
  class ExistsResponse { Stat stat; }
  class GetDataResponse { buffer data; Stat stat; }
  class GetChildrenResponse { vector<ustring> children; }
  class GetAllChildrenNumberResponse { int totalNumber; }
  class GetChildren2Response { vector<ustring> children; Stat stat; }
  class GetACLResponse { vector<ACL> acl; Stat stat; }
  class CheckWatchesRequest { ustring path; int type; }
  class RemoveWatchesRequest { ustring path; int type; }
  class GetEphemeralsRequest { ustring prefixPath; }
  class GetEphemeralsResponse { vector<ustring> ephemerals; }
  class WhoAmIResponse { vector<ClientInfo> clientInfo; }
`;

/** Framed by MultiHeader in code, not in the schema. */
const NOT_IN_SCHEMA = ["MultiRequest", "MultiResponse", "MultiReadRequest", "MultiReadResponse"];

interface Declared {
  readonly name: string;
  readonly fields: readonly string[];
}

function parse(schema: string): Declared[] {
  return [...schema.matchAll(/class (\w+) \{([^}]*)\}/g)].map(([, name = "", body = ""]) => ({
    name,
    fields: body.split(";").flatMap((field) => field.trim().replace(/\s+/g, " ") || []),
  }));
}

const declared = parse(SCHEMA);
const records = [...CODECS.values()].filter(isRecord);

describe("records", () => {
  it.each(declared)("$name is as in the server's schema", ({ name, fields }) => {
    const record = records.find((known) => known.name === name);
    const ours = record?.fields.map(({ name: field, codec }) => {
      return `${codec.name}${codec.bytesMin === 0 ? "?" : ""} ${field}`;
    });
    expect(ours).toEqual(fields);
  });

  it("are all of those in the schema, and no others", () => {
    const ours = records.map(({ name }) => name).sort();
    expect(ours).toEqual(declared.map(({ name }) => name).sort());
    const others = [...CODECS.values()].filter((codec) => !isRecord(codec)).map(({ name }) => name);
    expect(others.sort()).toEqual([...NOT_IN_SCHEMA].sort());
  });

  it("are exported under the name they have in the schema", () => {
    for (const [exported, codec] of CODECS) expect(codec.name.toLowerCase()).toBe(exported.toLowerCase());
  });

  it("know the fewest bytes they take", () => {
    const bytesMin = (name: string) => CODECS.get(name)?.bytesMin;
    expect(bytesMin("Stat")).toBe(68);
    expect(bytesMin("Acl")).toBe(12);
    expect(bytesMin("ReplyHeader")).toBe(16);
    expect(bytesMin("MultiHeader")).toBe(9);
    expect(bytesMin("ConnectRequest")).toBe(28);
    expect(bytesMin("GetDataResponse")).toBe(72);
  });
});
