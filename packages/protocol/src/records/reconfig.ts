import { long, ustringOrNull } from "../jute/primitives.js";
import { type RecordCodec, record } from "../jute/record.js";

/** Body of reconfig (3.5.0 and later); what is not used is null. The reply is a `GetDataResponse`. */
export interface ReconfigRequest {
  /** Comma list of `server.N=…` lines. */
  readonly joiningServers: string | null;
  /** Comma list of server ids. */
  readonly leavingServers: string | null;
  /** The whole new member list, instead of the two above. */
  readonly newMembers: string | null;
  /** The configuration version this is based on, -1 for any. */
  readonly curConfigId: bigint;
}
export const ReconfigRequest: RecordCodec<ReconfigRequest> = record<ReconfigRequest>("ReconfigRequest", {
  joiningServers: ustringOrNull,
  leavingServers: ustringOrNull,
  newMembers: ustringOrNull,
  curConfigId: long,
});
