// No file may import itself by way of others, types included: whoever reads one of a circle has to read them all.
import { posix } from "node:path";
import { lineAt, type SourceFile, type Violation } from "./rule.js";
import { importsOf } from "./syntax.js";

interface Link {
  readonly to: string;
  readonly line: number;
}

/** One violation for each group of files that import each other, at the first of them, with a way round. */
export function checkCircles(files: readonly SourceFile[]): Violation[] {
  const links = linksOf(files);
  return groupsOf(links).map((group) => {
    const [first] = group as [string];
    const way = wayRound(first, new Set(group), links);
    const line = links.get(first)?.find(({ to }) => to === way[1])?.line ?? 1;
    return { rule: "circles", file: first, line, message: `imports itself: ${way.join(" -> ")}` };
  });
}

function linksOf(files: readonly SourceFile[]): Map<string, Link[]> {
  const known = new Set(files.map(({ path }) => path));
  const links = new Map<string, Link[]>();
  for (const file of files) {
    const of = importsOf(file).flatMap(({ specifier, start }) => {
      const to = targetOf(file.path, specifier, known);
      return to === undefined ? [] : [{ to, line: lineAt(file.text, start) }];
    });
    links.set(file.path, of);
  }
  return links;
}

function targetOf(path: string, specifier: string, known: ReadonlySet<string>): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const target = posix.join(posix.dirname(path), specifier);
  return [target, target.replace(/\.js$/, ".ts")].find((candidate) => known.has(candidate));
}

/** Files that reach each other, by Tarjan: groups of one are left out unless the file imports itself. */
function groupsOf(links: ReadonlyMap<string, readonly Link[]>): string[][] {
  const groups: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const visit = (path: string): number => {
    const number = order.size;
    order.set(path, number);
    lowest.set(path, number);
    open.push(path);
    for (const { to } of links.get(path) ?? []) {
      const reached = order.has(to) ? (open.includes(to) ? (order.get(to) as number) : number) : visit(to);
      lowest.set(path, Math.min(lowest.get(path) as number, reached));
    }
    if (lowest.get(path) === number) {
      const group = open.splice(open.indexOf(path));
      const isCircle = group.length > 1 || (links.get(path) ?? []).some(({ to }) => to === path);
      if (isCircle) groups.push(group.sort());
    }
    return lowest.get(path) as number;
  };
  for (const path of links.keys()) if (!order.has(path)) visit(path);
  return groups;
}

/** The shortest way from a file back to it. */
function wayRound(
  start: string,
  group: ReadonlySet<string>,
  links: ReadonlyMap<string, readonly Link[]>,
): string[] {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    for (const { to } of links.get(path) ?? []) {
      if (to === start) {
        const way = [start];
        for (let at: string | undefined = path; at !== undefined && at !== start; at = cameFrom.get(at))
          way.unshift(at);
        return [start, ...way];
      }
      if (!group.has(to) || cameFrom.has(to)) continue;
      cameFrom.set(to, path);
      queue.push(to);
    }
  }
  return [start];
}
