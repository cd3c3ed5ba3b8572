/** What can go wrong with a peer, as opposed to what a suite finds out about its library. */
export type PeerErrorCode =
  /** Its parts could not be had on this machine. */
  | "UNAVAILABLE"
  /** The library has no such recipe, method or option. */
  | "UNSUPPORTED"
  /** The library threw. `failure` says what. */
  | "FAILED"
  /** No answer within the limit. */
  | "TIMEOUT"
  /** The process ended by itself. */
  | "DIED"
  /** It was closed before. */
  | "CLOSED"
  /** It said something that is no line of the protocol. */
  | "PROTOCOL";

/** What a library threw: the name of the class, and its words. */
export interface Failure {
  readonly type: string;
  readonly message: string;
}

/** An error of a peer. Its message names the peer and the call, and ends with what the process last wrote to its log. */
export class PeerError extends Error {
  override readonly name = "PeerError";
  readonly code: PeerErrorCode;
  readonly failure: Failure | undefined;

  constructor(
    code: PeerErrorCode,
    message: string,
    options: { readonly failure?: Failure; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.failure = options.failure;
  }
}
