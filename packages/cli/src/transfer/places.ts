/** Where a tree comes from or goes to: `/path`, `zk://CONTEXT/path`, `zk://host:2181/path`, `file:dump.ndjson`, `-`. */
import { UsageError } from "../program/errors.js";
import { type ConnectionFlags, resolveSettings, type Settings } from "../settings/settings.js";

/** A place, read. */
export type Place =
  | { readonly kind: "servers"; readonly path: string; readonly settings: Settings; readonly name: string }
  | { readonly kind: "file"; readonly file: string }
  | { readonly kind: "stdio" };

interface PlaceIo {
  readonly settings: Settings;
  readonly flags: ConnectionFlags;
  readonly io: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly cwd: string;
    readonly znode?: string;
  };
}

/** @throws UsageError */
export function parsePlace(text: string, { settings, flags, io }: PlaceIo): Place {
  if (text === "-") return { kind: "stdio" };
  if (text.startsWith("file:")) return { kind: "file", file: text.slice(5) };
  if (text.startsWith("zk://")) {
    const rest = text.slice(5);
    const slash = rest.indexOf("/");
    const host = slash < 0 ? rest : rest.slice(0, slash);
    const path = trim(slash < 0 ? "/" : rest.slice(slash));
    if (host === "") return { kind: "servers", path, settings, name: text };
    // Servers and context of the place stand instead of those of the command; limits and guards of flags hold for both.
    const { servers: _servers, context: _context, chroot: _chroot, authFile, ...limits } = flags;
    const where = host.includes(":") || host.includes(",") ? { servers: host, authFile } : { context: host };
    return {
      kind: "servers",
      path,
      settings: resolveSettings({ ...limits, ...where }, io.env, io.cwd),
      name: text,
    };
  }
  if (text.startsWith("/")) return { kind: "servers", path: trim(text), settings, name: text };
  if (/^[a-z]+:\/\//.test(text))
    throw new UsageError(
      `${text} is no place`,
      "/path, zk://CONTEXT/path, zk://HOST:PORT/path, file:NAME or -",
    );
  return { kind: "file", file: text };
}

/** As {@link parsePlace}, for what can only be on servers. */
export function parseServerPlace(text: string, io: PlaceIo): Extract<Place, { kind: "servers" }> {
  const place = parsePlace(text, io);
  if (place.kind === "servers") return place;
  throw new UsageError(`${text} is no place on servers`, "a path begins with /, or zk://CONTEXT/path");
}

function trim(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") || "/" : path;
}
