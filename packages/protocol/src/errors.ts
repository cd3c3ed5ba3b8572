/**
 * Why a sequence of bytes was refused.
 *
 * | Code | Meaning |
 * |---|---|
 * | `TRUNCATED` | the bytes end before the value does; also a string or buffer that claims more bytes than are left |
 * | `LENGTH_NEGATIVE` | a string or buffer length, or a vector count, below -1 |
 * | `COUNT_TOO_LARGE` | a vector claims more elements than the bytes left could hold |
 * | `NULL_VALUE` | a field that may not be null is null |
 * | `UNKNOWN_MULTI_TYPE` | an operation or a result inside multi of a type that is not allowed there |
 * | `FRAME_LENGTH_NEGATIVE` | a frame length below zero |
 * | `FRAME_TOO_LARGE` | a frame length above the limit of the splitter |
 */
export const PROTOCOL_ERROR_CODES = [
  "TRUNCATED",
  "LENGTH_NEGATIVE",
  "COUNT_TOO_LARGE",
  "NULL_VALUE",
  "UNKNOWN_MULTI_TYPE",
  "FRAME_LENGTH_NEGATIVE",
  "FRAME_TOO_LARGE",
] as const;

/** One of {@link PROTOCOL_ERROR_CODES}. */
export type ProtocolErrorCode = (typeof PROTOCOL_ERROR_CODES)[number];

/** What a {@link ProtocolError} is made of. */
export interface ProtocolErrorDetails {
  readonly code: ProtocolErrorCode;
  /** What was found and what was expected, without the place; the place is added by the error itself. */
  readonly reason: string;
  /** Where the offending value begins, in bytes from the start of the reader's bytes. */
  readonly offset: number;
  /** The length the peer declared, where that is the trouble. */
  readonly declaredBytes?: number;
  /** The limit it broke. */
  readonly limitBytes?: number;
}

/** The peer sent bytes that are not the protocol. Never the caller's fault: see {@link EncodeError} for that. */
export class ProtocolError extends Error {
  override readonly name: string = "ProtocolError";
  readonly code: ProtocolErrorCode;
  /** Where the offending value begins, in bytes from the start of the bytes that were read. */
  readonly offset: number;
  /** The length the peer declared (`FRAME_TOO_LARGE`, `FRAME_LENGTH_NEGATIVE`), otherwise undefined. */
  readonly declaredBytes: number | undefined;
  /** The limit it broke (`FRAME_TOO_LARGE`), otherwise undefined. */
  readonly limitBytes: number | undefined;
  private readonly reason: string;
  private root = "";
  private path = "";

  constructor(details: ProtocolErrorDetails) {
    super(`${details.reason} at byte ${details.offset}`);
    this.code = details.code;
    this.reason = details.reason;
    this.offset = details.offset;
    this.declaredBytes = details.declaredBytes;
    this.limitBytes = details.limitBytes;
  }

  /** Which field was being read, such as `GetDataResponse.stat.mzxid`; empty outside of any record. */
  get fieldPath(): string {
    return this.path === "" || this.path.startsWith("[")
      ? this.root + this.path
      : `${this.root}.${this.path}`;
  }

  /**
   * Adds one outer level to the field path, as the error passes through the codec of that level.
   *
   * @param root name of the record (or vector) that was being read; the outermost one wins
   * @param step name of its field, or an index such as `[3]`
   */
  within(root: string, step: string): this {
    this.root = root;
    this.path = joinStep(step, this.path);
    this.message = `${this.fieldPath}: ${this.reason} at byte ${this.offset}`;
    return this;
  }
}

/** The caller gave a value that has no encoding, such as 1.5 for an int. Nothing was sent. */
export class EncodeError extends Error {
  override readonly name: string = "EncodeError";
  readonly code = "INVALID_VALUE" as const;
  private readonly reason: string;
  private root = "";
  private path = "";

  /** @param reason what was given and what would be accepted */
  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }

  /** Which field was being written, such as `SetDataRequest.version`; empty outside of any record. */
  get fieldPath(): string {
    return this.path === "" || this.path.startsWith("[")
      ? this.root + this.path
      : `${this.root}.${this.path}`;
  }

  /** Adds one outer level to the field path: see {@link ProtocolError.within}. */
  within(root: string, step: string): this {
    this.root = root;
    this.path = joinStep(step, this.path);
    this.message = `${this.fieldPath}: ${this.reason}`;
    return this;
  }
}

function joinStep(step: string, path: string): string {
  return path === "" || path.startsWith("[") ? step + path : `${step}.${path}`;
}
