/** Text to bytes, with the encoder of the platform. */
const encoder = new TextEncoder();

/** UTF-8; lone surrogates become U+FFFD. */
export function utf8Bytes(text: string): Uint8Array {
  return encoder.encode(text);
}
