/** One place where the tree breaks one of its own rules. */
export interface Violation {
  readonly rule: string;
  readonly file: string;
  /** 1-based; 1 when the whole file is meant. */
  readonly line: number;
  /** What is wrong and what to do instead. */
  readonly message: string;
}

/** A file as the rules see it: its path relative to the root, with forward slashes, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** `file:line: rule: message`, which terminals and editors make clickable. */
export function format(violation: Violation): string {
  return `${violation.file}:${violation.line}: ${violation.rule}: ${violation.message}`;
}

/** 1-based line of an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let index = text.indexOf("\n"); index >= 0 && index < offset; index = text.indexOf("\n", index + 1))
    line += 1;
  return line;
}

/** Tests, and what only tests use: `x.test.ts` anywhere, everything in a `tests` folder. */
export function isTest(path: string): boolean {
  return /\.test\.[cm]?[jt]s$/.test(path) || /(^|\/)tests\//.test(path);
}

/** Files that the compiler or Node runs. */
export function isCode(path: string): boolean {
  return /\.[cm]?[jt]s$/.test(path) && !/(^|\/)fixtures\//.test(path);
}
