/** Operations and differences for people. */
import { errorName, operationName } from "@zk/protocol";
import type {
  AclList,
  Body,
  Data,
  Operation,
  Part,
  Schedule,
  Text,
  TextList,
  ZxidSpec,
} from "./operations.js";
import { type Difference, type Field, formatEntry, type Trace, type TraceEntry } from "./trace.js";

/** Steps shown in front of the one that differs. */
const CONTEXT_ENTRIES = 6;

/** What a report is about. */
export interface Finding {
  readonly schedule: Schedule;
  readonly expected: { readonly name: string; readonly trace: Trace };
  readonly actual: { readonly name: string; readonly trace: Trace };
  readonly difference: Difference;
}

/** One line: `s1 create $/a "v" ephemeral`. */
export function describeOperation(operation: Operation): string {
  const who = `s${operation.slot}`;
  switch (operation.kind) {
    case "drop":
      return `${who} drops its connection (${operation.how})`;
    case "frame":
      return `${who} sends a frame of length ${operation.length}: ${operation.hex === "" ? "nothing" : operation.hex}`;
    case "connect": {
      const { session, password, lastZxid, timeoutMs, readOnly, protocolVersion, cut, server } = operation;
      const whose = typeof session === "string" ? session : `that of s${session.of}`;
      const odd = [
        password === "right" ? "" : `password ${password}`,
        lastZxid === "zero" ? "" : `lastZxid ${zxidText(lastZxid)}`,
        readOnly === null ? "no readOnly" : readOnly ? "readOnly" : "",
        protocolVersion === 0 ? "" : `protocolVersion ${protocolVersion}`,
        cut === undefined ? "" : `without its last ${cut} bytes`,
        server === 0 ? "" : `server ${server + 1}`,
      ];
      return [
        `${who} connects: session ${whose}, ${timeoutMs} ms`,
        ...odd.filter((text) => text !== ""),
      ].join(", ");
    }
    case "request": {
      const { opCode, xid, cut, extra, tail, isPipelined } = operation;
      const odd = [
        xid === undefined ? "" : ` xid ${xid}`,
        cut === undefined ? "" : ` without its last ${cut} bytes`,
        tail === undefined ? "" : ` ending in bytes ${tail}`,
        extra === undefined ? "" : ` with ${extra} bytes more`,
        isPipelined ? " (not waiting)" : "",
      ];
      return `${who} ${nameOf(opCode)}${bodyText(operation.body)}${odd.join("")}`;
    }
  }
}

/** The whole story: the schedule, what came before, both answers, and which fields differ. */
export function describeFinding({ schedule, expected, actual, difference }: Finding): string {
  const lines: string[] = [];
  for (const [step, operation] of schedule.operations.entries()) {
    const mark = step === difference.step ? ">" : " ";
    lines.push(`${mark} ${String(step + 1).padStart(4)}  ${describeOperation(operation)}`);
  }
  if (difference.step >= schedule.operations.length) {
    lines.push(">  end  what is left is looked at, then removed");
  }
  lines.push("", "What both say before that:");
  const from = Math.max(0, difference.index - CONTEXT_ENTRIES);
  if (difference.index === 0) lines.push("        nothing");
  for (const entry of expected.trace.slice(from, difference.index)) lines.push(`  ${lineOf(entry)}`);
  lines.push("", "Then they differ:");
  const width = Math.max(expected.name.length, actual.name.length);
  lines.push(`  ${expected.name.padEnd(width)}  ${lineOf(difference.expected)}`);
  lines.push(`  ${actual.name.padEnd(width)}  ${lineOf(difference.actual)}`);
  const fields = differingFields(difference.expected, difference.actual);
  if (fields.length > 0) lines.push("", "Fields that differ:", ...fields.map((field) => `  ${field}`));
  return lines.join("\n");
}

function lineOf(entry: TraceEntry | undefined): string {
  return entry === undefined
    ? "      nothing more"
    : `${String(entry.step + 1).padStart(4)}  ${formatEntry(entry)}`;
}

function differingFields(expected: TraceEntry | undefined, actual: TraceEntry | undefined): string[] {
  if (expected === undefined || actual === undefined || expected.what !== actual.what) return [];
  const value = (fields: readonly Field[], name: string): string | undefined =>
    fields.find(([other]) => other === name)?.[1];
  const names = new Set([...expected.fields, ...actual.fields].map(([name]) => name));
  return [...names].flatMap((name) => {
    const [left, right] = [value(expected.fields, name), value(actual.fields, name)];
    if (left === right) return [];
    const isErr = name === "err" || name.endsWith(".err");
    const told = (text: string | undefined): string =>
      text === undefined
        ? "missing"
        : isErr
          ? `${text} (${errorName(Number(text)) ?? "no known error"})`
          : text;
    return [`${name}: ${told(left)}, not ${told(right)}`];
  });
}

function nameOf(opCode: number): string {
  return operationName(opCode) ?? `operation ${opCode}`;
}

function bodyText(body: Body): string {
  switch (body.record) {
    case "none":
      return "";
    case "path":
      return ` ${text(body.path)}`;
    case "watch":
      return ` ${text(body.path)}${body.watch ? ", watching" : ""}`;
    case "version":
      return ` ${text(body.path)} version ${body.version}`;
    case "data":
      return ` ${text(body.path)} ${data(body.data)} version ${body.version}`;
    case "acl":
      return ` ${text(body.path)} ${aclText(body.acl)} version ${body.version}`;
    case "create":
      return ` ${text(body.path)} ${data(body.data)} ${aclText(body.acl)} flags ${body.flags}`;
    case "multi":
      return ` [${body.parts.map(partText).join("; ")}]`;
    case "watches":
      return (
        ` since ${zxidText(body.relativeZxid)}: data ${texts(body.data)}, exists ${texts(body.exists)}, ` +
        `children ${texts(body.children)}`
      );
    case "auth":
      return ` type ${body.type} ${text(body.scheme)} ${data(body.auth)}`;
    case "token":
      return ` ${data(body.token)}`;
    case "int":
      return ` ${body.value}`;
    case "bytes":
      return ` ${body.hex}`;
  }
}

function partText({ type, err, body }: Part): string {
  return `${nameOf(type)}${bodyText(body)}${err === -1 ? "" : ` err ${err}`}`;
}

function text(value: Text): string {
  if (value === null) return "null";
  const shown = (plain: string): string =>
    /^[\x21-\x7e]+$/.test(plain) && !plain.includes('"')
      ? plain
      : JSON.stringify(plain).replaceAll("\u007f", "\\u007f");
  return typeof value === "string" ? shown(value) : `${shown(value.text)} and bytes ${value.hex}`;
}

function data(value: Data): string {
  if (value === null) return "null";
  if (typeof value === "string") return JSON.stringify(value);
  return "bytes" in value ? `${value.bytes} bytes` : `data for a frame of ${value.frameBytes} bytes`;
}

function aclText(list: AclList): string {
  if (list === null) return "acl null";
  if ("count" in list) return `acl of ${list.count} that are not there`;
  const entries = list.map(({ perms, scheme, id }) => `${perms}:${text(scheme)}:${text(id)}`);
  return entries.length === 1 && entries[0] === "31:world:anyone" ? "open" : `acl [${entries.join(", ")}]`;
}

function texts(list: TextList): string {
  if (list === null) return "null";
  return "count" in list ? `${list.count} that are not there` : `[${list.map(text).join(", ")}]`;
}

function zxidText(spec: ZxidSpec): string {
  if (typeof spec === "string") return spec;
  return spec.seen === 0
    ? "the last seen"
    : `the last seen ${spec.seen < 0 ? "-" : "+"} ${Math.abs(spec.seen)}`;
}
