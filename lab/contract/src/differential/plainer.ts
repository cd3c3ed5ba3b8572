/** What could stand in the place of operations and be easier to read. */
import { OPEN } from "./arguments.js";
import type { AclList, Body, Operation } from "./operations.js";

/** Operations that are one thing simpler; each is strictly so, or simplifying would have no end. */
export function plainerThan(operation: Operation): Operation[] {
  if (operation.kind === "connect") {
    const plain = {
      password: "right",
      lastZxid: "zero",
      timeoutMs: 600_000,
      readOnly: false,
      protocolVersion: 0,
    } as const;
    const { cut, ...whole } = operation;
    if (cut !== undefined) return [whole];
    return Object.entries(plain)
      .filter(([key, value]) => operation[key as keyof typeof plain] !== value)
      .map(([key, value]) => ({ ...operation, [key]: value }));
  }
  if (operation.kind !== "request") return [];
  const { xid, cut, extra, tail, isPipelined, ...plain } = operation;
  const found: Operation[] = [];
  const odd = { xid, cut, extra, tail, isPipelined };
  for (const key of Object.keys(odd) as (keyof typeof odd)[]) {
    if (odd[key] === undefined) continue;
    const { [key]: _, ...rest } = operation;
    found.push(rest);
  }
  return [...found, ...plainerBodies(plain.body).map((body) => ({ ...operation, body }))];
}

function plainerBodies(body: Body): Body[] {
  switch (body.record) {
    case "create":
      return [
        ...(body.data === "" ? [] : [{ ...body, data: "" }]),
        ...(body.flags === 0 ? [] : [{ ...body, flags: 0 }]),
        ...plainerAcls(body.acl).map((acl) => ({ ...body, acl })),
      ];
    case "data":
      return body.data === "" ? [] : [{ ...body, data: "" }];
    case "watch":
      return body.watch ? [{ ...body, watch: false }] : [];
    case "multi": {
      const shorter = body.parts.map((_, index) => ({ ...body, parts: body.parts.toSpliced(index, 1) }));
      const plainer = body.parts.flatMap((part, index) =>
        plainerBodies(part.body).map((inner) => ({
          ...body,
          parts: body.parts.with(index, { ...part, body: inner }),
        })),
      );
      return [...shorter, ...plainer];
    }
    case "watches":
      return (["data", "exists", "children"] as const).flatMap((key) => {
        const list = body[key];
        if (!Array.isArray(list)) return [];
        return list.map((_, index) => ({ ...body, [key]: list.toSpliced(index, 1) }));
      });
    case "acl":
      return plainerAcls(body.acl).map((acl) => ({ ...body, acl }));
    default:
      return [];
  }
}

/** The open list is the plainest; another is plainer with fewer entries. */
function plainerAcls(list: AclList): AclList[] {
  if (JSON.stringify(list) === JSON.stringify(OPEN)) return [];
  if (!Array.isArray(list)) return [OPEN];
  return [OPEN, ...(list.length > 1 ? list.map((_, index) => list.toSpliced(index, 1)) : [])];
}

/**
 * Schedules with one session or one level of znodes less. Each has fewer slots, or shorter paths, so that uniting has an
 * end.
 */
export function unitedOf(operations: readonly Operation[]): (readonly Operation[])[] {
  const slots = [...new Set(operations.map(({ slot }) => slot))];
  const first = slots[0];
  const merged = slots
    .slice(1)
    .map((slot) =>
      operations
        .filter(
          (operation) =>
            operation.slot !== slot || operation.kind !== "connect" || operation.session !== "new",
        )
        .map((operation) => movedTo(first as number, slot, operation)),
    );
  const text = JSON.stringify(operations);
  const parents = [
    ...new Set([...text.matchAll(/"(\$(?:\/[^"/\\]+)+)\/[^"]*"/g)].map(([, parent]) => parent as string)),
  ];
  const lifted = parents
    .sort((a, b) => b.length - a.length)
    .map((parent) => JSON.parse(text.replaceAll(`"${parent}/`, '"$/')) as Operation[]);
  return [...merged, ...lifted];
}

function movedTo(slot: number, from: number, operation: Operation): Operation {
  const moved = operation.slot === from ? { ...operation, slot } : operation;
  if (moved.kind !== "connect" || typeof moved.session === "string" || moved.session.of !== from)
    return moved;
  return { ...moved, session: { of: slot } };
}
