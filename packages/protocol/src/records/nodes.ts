import { bool, buffer, int, long, ustring, vector } from "../jute/primitives.js";
import { type RecordCodec, record } from "../jute/record.js";
import { Acl, Stat } from "./shared.js";

const acls = vector(Acl);

/** Body of create, create2 and createContainer. */
export interface CreateRequest {
  readonly path: string;
  readonly data: Uint8Array | null;
  /** Must not be empty; servers answer INVALID_ACL. */
  readonly acl: readonly Acl[];
  /** A `CreateMode`. */
  readonly flags: number;
}
export const CreateRequest: RecordCodec<CreateRequest> = record<CreateRequest>(
  "CreateRequest",
  {
    path: ustring,
    data: buffer,
    acl: acls,
    flags: int,
  },
  {
    write: (writer, value) => {
      ustring.write(writer, value.path);
      writer.buffer(value.data);
      acls.write(writer, value.acl);
      writer.int(value.flags);
    },
  },
);

/** Body of createTTL (3.5.3 and later). */
export interface CreateTTLRequest {
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
  /** `CreateMode` 5 or 6. */
  readonly flags: number;
  /** In ms, 1 to 1 099 511 627 775. */
  readonly ttl: bigint;
}
export const CreateTTLRequest: RecordCodec<CreateTTLRequest> = record<CreateTTLRequest>("CreateTTLRequest", {
  path: ustring,
  data: buffer,
  acl: acls,
  flags: int,
  ttl: long,
});

/** Reply to create. */
export interface CreateResponse {
  /** The node's real path: with the number, if it is sequential. */
  readonly path: string;
}
export const CreateResponse: RecordCodec<CreateResponse> = record<CreateResponse>("CreateResponse", {
  path: ustring,
});

/** Reply to create2, createContainer and createTTL. */
export interface Create2Response {
  readonly path: string;
  readonly stat: Stat;
}
export const Create2Response: RecordCodec<Create2Response> = record<Create2Response>("Create2Response", {
  path: ustring,
  stat: Stat,
});

/** Body of delete. */
export interface DeleteRequest {
  readonly path: string;
  /** Expected `Stat.version`, -1 for any. */
  readonly version: number;
}
export const DeleteRequest: RecordCodec<DeleteRequest> = record<DeleteRequest>("DeleteRequest", {
  path: ustring,
  version: int,
});

/** Body of exists. */
export interface ExistsRequest {
  readonly path: string;
  /** Whether to leave a watch, which is set even if there is no such node. */
  readonly watch: boolean;
}
export const ExistsRequest: RecordCodec<ExistsRequest> = record<ExistsRequest>("ExistsRequest", {
  path: ustring,
  watch: bool,
});

/** Reply to exists. */
export interface ExistsResponse {
  readonly stat: Stat;
}
export const ExistsResponse: RecordCodec<ExistsResponse> = record<ExistsResponse>(
  "ExistsResponse",
  {
    stat: Stat,
  },
  { read: (reader) => ({ stat: Stat.read(reader) }) },
);

/** Body of getData. */
export interface GetDataRequest {
  readonly path: string;
  /** Whether to leave a watch, which is set only if the node is there. */
  readonly watch: boolean;
}
export const GetDataRequest: RecordCodec<GetDataRequest> = record<GetDataRequest>(
  "GetDataRequest",
  {
    path: ustring,
    watch: bool,
  },
  {
    write: (writer, value) => {
      ustring.write(writer, value.path);
      writer.bool(value.watch);
    },
  },
);

/** Reply to getData and reconfig, and a result of multiRead. */
export interface GetDataResponse {
  /** Null and empty are different values and are kept apart by servers. */
  readonly data: Uint8Array | null;
  readonly stat: Stat;
}
export const GetDataResponse: RecordCodec<GetDataResponse> = record<GetDataResponse>(
  "GetDataResponse",
  {
    data: buffer,
    stat: Stat,
  },
  {
    read: (reader) => ({ data: reader.buffer(), stat: Stat.read(reader) }),
  },
);

/** Body of setData. */
export interface SetDataRequest {
  readonly path: string;
  readonly data: Uint8Array | null;
  /** Expected `Stat.version`, -1 for any. */
  readonly version: number;
}
export const SetDataRequest: RecordCodec<SetDataRequest> = record<SetDataRequest>(
  "SetDataRequest",
  {
    path: ustring,
    data: buffer,
    version: int,
  },
  {
    write: (writer, value) => {
      ustring.write(writer, value.path);
      writer.buffer(value.data);
      writer.int(value.version);
    },
  },
);

/** Reply to setData. */
export interface SetDataResponse {
  readonly stat: Stat;
}
export const SetDataResponse: RecordCodec<SetDataResponse> = record<SetDataResponse>(
  "SetDataResponse",
  {
    stat: Stat,
  },
  { read: (reader) => ({ stat: Stat.read(reader) }) },
);

/** Body of check, which is allowed only inside multi. */
export interface CheckVersionRequest {
  readonly path: string;
  /** Expected `Stat.version`, -1 for any. */
  readonly version: number;
}
export const CheckVersionRequest: RecordCodec<CheckVersionRequest> = record<CheckVersionRequest>(
  "CheckVersionRequest",
  { path: ustring, version: int },
);

/** Body of sync. */
export interface SyncRequest {
  readonly path: string;
}
export const SyncRequest: RecordCodec<SyncRequest> = record<SyncRequest>("SyncRequest", { path: ustring });

/** Reply to sync. */
export interface SyncResponse {
  /** As it was sent. */
  readonly path: string;
}
export const SyncResponse: RecordCodec<SyncResponse> = record<SyncResponse>("SyncResponse", {
  path: ustring,
});
