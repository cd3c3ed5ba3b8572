/** Where the output of a line goes that does not go to the terminal. */
import { spawn } from "node:child_process";
import { createWriteStream, openSync } from "node:fs";
import { resolve } from "node:path";
import { UsageError } from "../program/errors.js";
import { whyFile } from "../program/why.js";
import type { Line } from "./line.js";

export interface Target {
  readonly stream: NodeJS.WritableStream;
  /** Resolves when everything is there, and whoever reads it has ended. */
  end(): Promise<void>;
}

/** The rest of a line belongs to the system's shell, which the user knows. */
export function pipeTo(program: string): Target {
  const child = spawn("/bin/sh", ["-c", program], { stdio: ["pipe", "inherit", "inherit"] });
  const closed = new Promise<void>((done) => {
    child.once("close", () => done());
    child.once("error", () => done());
  });
  return {
    stream: child.stdin,
    end: async () => {
      child.stdin.end();
      await closed;
    },
  };
}

/** @throws UsageError before the command begins: without a place for what it says it does nothing */
export function writeTo(file: NonNullable<Line["file"]>, cwd: string): Target {
  let fd: number;
  try {
    fd = openSync(resolve(cwd, file.name), file.append ? "a" : "w");
  } catch (error) {
    throw new UsageError(`${file.name} cannot be written: ${whyFile(error)}; nothing was done`);
  }
  const stream = createWriteStream("", { fd });
  return {
    stream,
    end: () =>
      new Promise((done) => {
        // One that has failed may have closed already.
        if (stream.closed) return done();
        stream.once("close", () => done());
        stream.end();
      }),
  };
}
