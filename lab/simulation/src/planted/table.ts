/** The table of planted faults in docs/simulation.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Catch } from "./search.js";

const DOCUMENT = fileURLToPath(new URL("../../../../docs/simulation.md", import.meta.url));
const BEGIN = "<!-- The table is written by `pnpm sim --planted`. -->";
const END = "<!-- End of the table. -->";

/** The table as Markdown. */
export function tableOf(catches: readonly Catch[]): string {
  const found = catches.filter(({ seed }) => seed !== undefined).length;
  const rows = catches.map(({ plant, seed, seeds, finding }) => {
    const result = seed === undefined ? `not in ${seeds}` : `${seeds}`;
    return `| \`${plant.name}\` | ${plant.why} | ${finding?.check ?? ""} | ${result} |`;
  });
  return [
    BEGIN,
    "",
    `Found: ${found} of ${catches.length}.`,
    "",
    "| Fault | What it does | Check that noticed | Seeds |",
    "|---|---|---|---:|",
    ...rows,
    "",
    END,
  ].join("\n");
}

/** Puts the table into its place. @throws Error when the document has no place for it */
export function writeTable(catches: readonly Catch[], document: string = DOCUMENT): void {
  const text = readFileSync(document, "utf8");
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${document} has no place for the table`);
  writeFileSync(document, text.slice(0, begin) + tableOf(catches) + text.slice(end + END.length));
}
