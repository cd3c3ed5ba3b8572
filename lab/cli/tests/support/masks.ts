/**
 * What differs from run to run, under names that stay. A value has one name throughout a text, so that a golden still shows
 * that two places speak of the same session. Tables are taken apart, masked cell by cell and set again as wide as their new
 * content: what does not line up cannot be taken apart, and is said.
 */

/** Values that are known beforehand, and what they are called. */
export type Known = readonly (readonly [value: string, name: string])[];

/** Columns whose numbers are figures of a moment. */
const FIGURE_COLUMNS = new Set(["CONNS", "OUTST", "LATENCY", "RECV", "MAXLAT", "QUEUED", "REQ/S"]);

/** Fields of JSON whose numbers are; that they are numbers stays. */
const FIGURE_FIELDS =
  /"(answerMs|latency\w+Ms|sessionMs|ms|connections|received|sent|outstanding|queued|openFiles|dataBytes|nodes|watches|requestsPerSecond)":( ?)-?\d+(\.\d+)?/g;

/** Stands for a number. */
const NUMBER = "N";

export class Masks {
  readonly #known: Known;
  readonly #names = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  constructor(known: Known) {
    // The longest first: none may be cut into by a part of itself.
    this.#known = [...known].sort(([one], [other]) => other.length - one.length);
  }

  /** The same text with nothing of this run in it. */
  apply(text: string): string {
    const lines = text.split("\n");
    const masked: string[] = [];
    for (let at = 0; at < lines.length; ) {
      const rows = tableAt(lines, at);
      if (rows.length === 0) masked.push(this.#line(lines[at++]!));
      else {
        masked.push(...this.#table(rows));
        at += rows.length;
      }
    }
    return masked.join("\n");
  }

  #line(line: string): string {
    let text = line;
    for (const [value, name] of this.#known) text = text.replaceAll(value, name);
    return text
      .replaceAll(FIGURE_FIELDS, `"$1":$2${NUMBER}`)
      .replaceAll(/127\.0\.0\.1:\d{4,5}\b/g, (address) => this.#nameOf("CLIENT", address))
      .replaceAll(/0x[0-9a-f]{13,16}\b/g, (id) => `0x${this.#nameOf("SESSION", id)}`)
      .replaceAll(/0x[0-9a-f]{1,12}\b/g, "0xZXID")
      .replaceAll(/(?<![0-9a-f])[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, (id) =>
        this.#nameOf("UUID", id),
      )
      .replaceAll(/(?<!\d)20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "TIME")
      .replaceAll(/\b(latencyMaxMs|sessionMs|outstanding)=\d+/g, `$1=${NUMBER}`)
      .replaceAll(/\b\d+(\.\d+)? ms\b/g, `${NUMBER} ms`);
  }

  #table(rows: readonly string[]): string[] {
    const cut = columnsOf(rows);
    if (cut === undefined)
      return ["(the columns of this table do not line up)", ...rows.map((row) => this.#line(row))];
    const heads = cut.cells[0]!.map((cell) => bare(cell).trim());
    const cells = cut.cells.map((row, index) =>
      row.map((cell, column) => {
        const text = trimmed(cell);
        const isFigure = index > 0 && FIGURE_COLUMNS.has(heads[column]!) && /\d/.test(text);
        return isFigure
          ? text.replace(/\d[\d./]*/, (figure) => figure.replaceAll(/[\d.]+/g, NUMBER))
          : this.#line(text);
      }),
    );
    const widths = heads.map((_, column) => Math.max(...cells.map((row) => bare(row[column]!).length)));
    return cells.map((row) =>
      row
        .map((cell, column) => {
          const blanks = " ".repeat(widths[column]! - bare(cell).length);
          return cut.isRight[column] ? blanks + cell : cell + blanks;
        })
        .join("  ")
        .trimEnd(),
    );
  }

  #nameOf(kind: string, value: string): string {
    let name = this.#names.get(value);
    if (name === undefined) {
      const count = (this.#counts.get(kind) ?? 0) + 1;
      this.#counts.set(kind, count);
      name = `${kind}-${count}`;
      this.#names.set(value, name);
    }
    return name;
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes are control characters.
const CODES = /\u001b\[[\d;]*m/g;

function bare(text: string): string {
  return text.replaceAll(CODES, "");
}

/** Without the blanks at both ends, also where those stand within colours. */
function trimmed(cell: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
  return cell.replace(/^((?:\u001b\[[\d;]*m)*) +/, "$1").replace(/ +((?:\u001b\[[\d;]*m)*)$/, "$1");
}

/** The lines of the table that begins here: a heading of at least three words in capitals, and rows of at least two cells. */
function tableAt(lines: readonly string[], at: number): readonly string[] {
  if (!/^ *([A-Z][A-Z/]+ +){2,}[A-Z][A-Z/]+$/.test(bare(lines[at]!))) return [];
  let end = at + 1;
  while (end < lines.length && /^ *\S+( \S+)* {2,}\S/.test(bare(lines[end]!))) end++;
  return end - at < 2 ? [] : lines.slice(at, end);
}

/** Cuts where every row has two blanks; undefined when that gives other columns than the heading has. */
function columnsOf(
  rows: readonly string[],
): { readonly cells: readonly (readonly string[])[]; readonly isRight: readonly boolean[] } | undefined {
  const width = Math.max(...rows.map((row) => bare(row).length));
  const plain = rows.map((row) => bare(row).padEnd(width));
  const isBlank = Array.from({ length: width }, (_, at) => plain.every((row) => row[at] === " "));
  const spans: [from: number, to: number][] = [];
  let from: number | undefined;
  for (let at = 0; at <= width; at++) {
    const isGap =
      at === width || (isBlank[at] && (at === width - 1 || isBlank[at + 1] || from === undefined));
    if (isGap && from !== undefined) {
      spans.push([from, at]);
      from = undefined;
    } else if (!isGap && from === undefined) from = at;
  }
  const words = bare(rows[0]!).trim().split(/ +/);
  const heads = spans.map(([start, end]) => plain[0]!.slice(start, end).trim());
  if (heads.filter(Boolean).join(" ") !== words.join(" ") || heads.some((head) => head.includes(" ")))
    return undefined;
  const isRight = spans.map(([start, end]) => {
    const filled = plain.map((row) => row.slice(start, end)).filter((cell) => cell.trim() !== "");
    return filled.every((cell) => !cell.endsWith(" ")) && filled.some((cell) => cell.startsWith(" "));
  });
  const isLeft = spans.map(([start, end]) =>
    plain.map((row) => row.slice(start, end)).every((cell) => cell.trim() === "" || !cell.startsWith(" ")),
  );
  if (isRight.some((right, column) => !right && !isLeft[column])) return undefined;
  return { cells: rows.map((row) => cutAt(row, spans)), isRight };
}

/** The pieces of a line that has colours in it; a colour belongs to the piece whose text it colours. */
function cutAt(line: string, spans: readonly (readonly [from: number, to: number])[]): string[] {
  const pieces = spans.map(() => "");
  let column = 0;
  let last = 0;
  let open = "";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
  for (const [token] of line.matchAll(/\u001b\[[\d;]*m|./gsu)) {
    if (token.startsWith("\u001b")) {
      // 22 and 39 end what was begun before.
      if (/\[(22|39)m$/.test(token)) pieces[last] += token;
      else open += token;
      continue;
    }
    const index = spans.findIndex(([from, to]) => column >= from && column < to);
    if (index >= 0) {
      pieces[index] += open + token;
      open = "";
      last = index;
    }
    column++;
  }
  return pieces;
}
