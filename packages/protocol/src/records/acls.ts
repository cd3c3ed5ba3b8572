import { int, ustring, vector } from "../jute/primitives.js";
import { type RecordCodec, record } from "../jute/record.js";
import { Acl, ClientInfo, Stat } from "./shared.js";

/** Body of getACL. */
export interface GetACLRequest {
  readonly path: string;
}
export const GetACLRequest: RecordCodec<GetACLRequest> = record<GetACLRequest>("GetACLRequest", {
  path: ustring,
});

/** Reply to getACL. */
export interface GetACLResponse {
  readonly acl: readonly Acl[];
  readonly stat: Stat;
}
export const GetACLResponse: RecordCodec<GetACLResponse> = record<GetACLResponse>("GetACLResponse", {
  acl: vector(Acl),
  stat: Stat,
});

/** Body of setACL. */
export interface SetACLRequest {
  readonly path: string;
  readonly acl: readonly Acl[];
  /** Expected `Stat.aversion`, -1 for any. */
  readonly version: number;
}
export const SetACLRequest: RecordCodec<SetACLRequest> = record<SetACLRequest>("SetACLRequest", {
  path: ustring,
  acl: vector(Acl),
  version: int,
});

/** Reply to setACL. */
export interface SetACLResponse {
  readonly stat: Stat;
}
export const SetACLResponse: RecordCodec<SetACLResponse> = record<SetACLResponse>("SetACLResponse", {
  stat: Stat,
});

/** Reply to whoAmI (3.7.0 and later), which has no request body. */
export interface WhoAmIResponse {
  /** Every identity of the connection, its `ip` among them. */
  readonly clientInfo: readonly ClientInfo[];
}
export const WhoAmIResponse: RecordCodec<WhoAmIResponse> = record<WhoAmIResponse>("WhoAmIResponse", {
  clientInfo: vector(ClientInfo),
});
