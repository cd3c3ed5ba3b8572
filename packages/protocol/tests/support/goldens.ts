import { readdirSync, readFileSync } from "node:fs";
import {
  type Codec,
  ConnectRequest,
  ConnectResponse,
  JuteReader,
  JuteWriter,
  OPERATIONS,
  type OperationName,
  operationOf,
  ReplyHeader,
  RequestHeader,
} from "../../src/index.js";

/** One captured frame: see fixtures/README.md. */
export interface Golden {
  readonly file: string;
  readonly direction: "connect-request" | "connect-response" | "request" | "reply" | "notification";
  readonly operation: string;
  readonly note: string;
  readonly err?: number;
  readonly malformed?: boolean;
  readonly hex: string;
}

const FIXTURES = new URL("../../fixtures/", import.meta.url);

/** Every golden of every captured server. */
export const GOLDENS: readonly Golden[] = readdirSync(FIXTURES)
  .filter((file) => file.startsWith("golden-"))
  .flatMap((file) => {
    const { frames } = JSON.parse(readFileSync(new URL(file, FIXTURES), "utf8")) as { frames: Golden[] };
    return frames.map((frame) => ({ ...frame, file }));
  });

/** Answers to four-letter words, such as `words("3.4.6-leader").srvr`. */
export function words(server: string): Record<string, string> {
  return JSON.parse(readFileSync(new URL(`words-${server}.json`, FIXTURES), "utf8")) as Record<
    string,
    string
  >;
}

export function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** What a frame of this kind is made of: its header, if it has one, and its body. */
export interface Shape {
  readonly header: Codec<unknown> | null;
  bodyOf(header: unknown): Codec<unknown> | null;
}

export function shapeOf({
  direction,
  operation,
  err = 0,
}: Pick<Golden, "direction" | "operation" | "err">): Shape {
  if (direction === "connect-request") return { header: null, bodyOf: () => ConnectRequest };
  if (direction === "connect-response") return { header: null, bodyOf: () => ConnectResponse };
  if (direction === "request") {
    return {
      header: RequestHeader,
      bodyOf: (header) => operationOf((header as RequestHeader).type)?.request ?? null,
    };
  }
  const response = OPERATIONS[operation as OperationName]?.response ?? null;
  // The one reply that has its body in spite of an error.
  if (operation === "sasl" && err !== 0) return { header: ReplyHeader, bodyOf: () => response };
  return { header: ReplyHeader, bodyOf: (header) => ((header as ReplyHeader).err === 0 ? response : null) };
}

/** Reads a payload as its kind demands. @throws ProtocolError */
export function readShape(
  shape: Shape,
  payload: Uint8Array,
): { header: unknown; body: unknown; remaining: number } {
  const reader = new JuteReader(payload);
  const header = shape.header === null ? null : shape.header.read(reader);
  const codec = shape.bodyOf(header);
  const body = codec === null ? null : codec.read(reader);
  return { header, body, remaining: reader.remaining };
}

/** The whole frame of what {@link readShape} gave. */
export function writeShape(shape: Shape, { header, body }: { header: unknown; body: unknown }): Uint8Array {
  const writer = new JuteWriter();
  const start = writer.beginFrame();
  shape.header?.write(writer, header);
  shape.bodyOf(header)?.write(writer, body);
  writer.endFrame(start);
  return writer.take();
}
