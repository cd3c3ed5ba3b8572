import { bool, int, ustring, vector } from "../jute/primitives.js";
import { type RecordCodec, record } from "../jute/record.js";
import { Stat } from "./shared.js";

/** Body of getChildren, also inside multiRead. */
export interface GetChildrenRequest {
  readonly path: string;
  /** Whether to leave a watch, which is set only if the node is there. */
  readonly watch: boolean;
}
export const GetChildrenRequest: RecordCodec<GetChildrenRequest> = record<GetChildrenRequest>(
  "GetChildrenRequest",
  { path: ustring, watch: bool },
);

/** Reply to getChildren. */
export interface GetChildrenResponse {
  /** Names without the parent's path, in no order. */
  readonly children: readonly string[];
}
export const GetChildrenResponse: RecordCodec<GetChildrenResponse> = record<GetChildrenResponse>(
  "GetChildrenResponse",
  { children: vector(ustring) },
);

/** Body of getChildren2. */
export interface GetChildren2Request {
  readonly path: string;
  /** Whether to leave a watch, which is set only if the node is there. */
  readonly watch: boolean;
}
export const GetChildren2Request: RecordCodec<GetChildren2Request> = record<GetChildren2Request>(
  "GetChildren2Request",
  { path: ustring, watch: bool },
);

/** Reply to getChildren2. */
export interface GetChildren2Response {
  /** Names without the parent's path, in no order. */
  readonly children: readonly string[];
  readonly stat: Stat;
}
export const GetChildren2Response: RecordCodec<GetChildren2Response> = record<GetChildren2Response>(
  "GetChildren2Response",
  { children: vector(ustring), stat: Stat },
);

/** Body of getEphemerals (3.6.0 and later). */
export interface GetEphemeralsRequest {
  /** Compared as plain text, not by path components; `/` and the empty text mean all. */
  readonly prefixPath: string;
}
export const GetEphemeralsRequest: RecordCodec<GetEphemeralsRequest> = record<GetEphemeralsRequest>(
  "GetEphemeralsRequest",
  { prefixPath: ustring },
);

/** Reply to getEphemerals. */
export interface GetEphemeralsResponse {
  /** Whole paths of this session's own ephemeral nodes. */
  readonly ephemerals: readonly string[];
}
export const GetEphemeralsResponse: RecordCodec<GetEphemeralsResponse> = record<GetEphemeralsResponse>(
  "GetEphemeralsResponse",
  { ephemerals: vector(ustring) },
);

/** Body of getAllChildrenNumber (3.6.0 and later). */
export interface GetAllChildrenNumberRequest {
  readonly path: string;
}
export const GetAllChildrenNumberRequest: RecordCodec<GetAllChildrenNumberRequest> =
  record<GetAllChildrenNumberRequest>("GetAllChildrenNumberRequest", { path: ustring });

/** Reply to getAllChildrenNumber. */
export interface GetAllChildrenNumberResponse {
  /** How many descendants the node has. */
  readonly totalNumber: number;
}
export const GetAllChildrenNumberResponse: RecordCodec<GetAllChildrenNumberResponse> =
  record<GetAllChildrenNumberResponse>("GetAllChildrenNumberResponse", { totalNumber: int });
