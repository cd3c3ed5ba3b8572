/** A run inside the test that goes on until it is ended; its JSON lines as they come. */
import type { ZkHome, ZkResult } from "./zk.js";

export interface Followed {
  readonly lines: Record<string, unknown>[];
  readonly ended: Promise<ZkResult>;
  end(): Promise<ZkResult>;
}

export function followZk(home: ZkHome, words: string): Followed {
  const controller = new AbortController();
  const lines: Record<string, unknown>[] = [];
  let rest = "";
  const ended = home.run(words, {
    signal: controller.signal,
    onStdout: (text) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts.filter(Boolean).map((line) => JSON.parse(line)));
    },
  });
  return {
    lines,
    ended,
    end: () => {
      controller.abort(new Error("enough"));
      return ended;
    },
  };
}
