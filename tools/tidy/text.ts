// Rules that need no syntax: names, sizes, and words that have no business in the tree.
import { posix } from "node:path";
import { isCode, lineAt, type SourceFile, type Violation } from "./rule.js";

const linesMax = 400;
const shells = /\.(sh|bash)$/;

/** A file of more than 400 lines says at its top why it stays whole. */
export function checkSize(file: SourceFile): Violation[] {
  if (!isCode(file.path) && !shells.test(file.path)) return [];
  const lines = file.text.split("\n").length - 1;
  if (lines <= linesMax) return [];
  const top = file.text.split("\n").slice(0, 20).join("\n");
  if (/(\/\/|\*|#).*\bwhole\b/.test(top)) return [];
  const message = `${lines} lines; find a seam, or say in the first lines why the file stays whole`;
  return [{ rule: "size", file: file.path, line: 1, message }];
}

// Names that others chose: ZooKeeper's own scripts, files that tools look for, folders of the published design.
const given = new Set([
  "zkServer.sh",
  "zkEnv.sh",
  "zkCli.sh",
  "zkCleanup.sh",
  "Dockerfile",
  "LICENSE",
  "NOTICE",
  "zoo_cluster",
  "memory_server",
]);

/** Files and folders are kebab-case; notes at the top of a folder are in capitals. */
export function checkName(file: SourceFile): Violation[] {
  const bad = file.path.split("/").filter((part) => !given.has(part) && !isTidyName(part));
  return bad.map((part) => ({
    rule: "name",
    file: file.path,
    line: 1,
    message: `"${part}" is not kebab-case`,
  }));
}

function isTidyName(part: string): boolean {
  if (/^[A-Z][A-Z_-]*\.md$/.test(part)) return true;
  if (part.endsWith(".java")) return /^[A-Z][A-Za-z0-9]*\.java$/.test(part);
  return /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/.test(part);
}

// Put together from pieces, so that the rule does not find itself.
const hosts = [
  ["registry", "npmjs", "org"],
  ["registry", "yarnpkg", "com"],
  ["registry", "npmmirror", "com"],
  ["npm", "pkg", "github", "com"],
  ["repo", "maven", "apache", "org"],
  ["repo1", "maven", "org"],
  ["central", "sonatype", "com"],
  ["files", "pythonhosted", "org"],
].map((parts) => parts.join("."));

/** Where packages come from is the user's own setting; no registry host is written into the tree. */
export function checkHosts(file: SourceFile): Violation[] {
  return hosts.flatMap((host) =>
    occurrences(file, host).map((line) => ({
      rule: "hosts",
      file: file.path,
      line,
      message: `${host} is for each user's own settings to name`,
    })),
  );
}

const machinePath = new RegExp(
  [
    `/${"work"}/`,
    `/${"farm"}/`,
    `/${"home"}/[a-z]`,
    `/${"Users"}/[A-Za-z]`,
    `/${"root"}/\\.`,
    `[A-Z]:\\\\${"Users"}`,
  ].join("|"),
  "g",
);

/** Paths of one machine say nothing on another. */
export function checkMachinePaths(file: SourceFile): Violation[] {
  return [...file.text.matchAll(machinePath)].map((match) => ({
    rule: "machine-path",
    file: file.path,
    line: lineAt(file.text, match.index),
    message: `"${match[0]}" is a path of one machine`,
  }));
}

const promise = new RegExp(
  `\\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b(?!\\(#\\d+\\)| ?\\(?#\\d+)`,
  "g",
);

/** A promise to come back names the issue that keeps it. */
export function checkPromises(file: SourceFile): Violation[] {
  if (!isCode(file.path) && !shells.test(file.path) && !/\.(md|ya?ml|java)$/.test(file.path)) return [];
  return [...file.text.matchAll(promise)].map((match) => ({
    rule: "promise",
    file: file.path,
    line: lineAt(file.text, match.index),
    message: `${match[1]} names no issue; write ${match[1]}(#12), or do it`,
  }));
}

/** Every relative link of a document leads to a file or folder of the project. */
export function checkLinks(file: SourceFile, exists: (path: string) => boolean): Violation[] {
  if (!file.path.endsWith(".md")) return [];
  const found: Violation[] = [];
  // Code blocks hold brackets that are no links.
  const prose = file.text.replace(/^(```|~~~)[\s\S]*?^\1/gm, (block) => block.replace(/[^\n]/g, " "));
  for (const match of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
    const target = match[1]!.split("#")[0]!;
    if (target === "" || /^[a-z]+:/.test(target)) continue;
    const path = posix.join(posix.dirname(file.path), decodeURIComponent(target)).replace(/\/$/, "");
    if (exists(path)) continue;
    const message = `the link to ${target} leads nowhere`;
    found.push({ rule: "links", file: file.path, line: lineAt(file.text, match.index), message });
  }
  return found;
}

function occurrences(file: SourceFile, words: string): number[] {
  const lines: number[] = [];
  for (let at = file.text.indexOf(words); at >= 0; at = file.text.indexOf(words, at + 1)) {
    lines.push(lineAt(file.text, at));
  }
  return lines;
}
