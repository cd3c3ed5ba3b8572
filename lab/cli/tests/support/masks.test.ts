// A golden is worth as much as its masks: they must not hide what a person would see.
import { describe, expect, it } from "vitest";
import { Masks } from "./masks.js";

const mask = (text: string): string => new Masks([["127.0.0.1:11565", "SERVER-1"]]).apply(text);

describe("masks", () => {
  it("call the same value by the same name, and different ones by different names", () => {
    expect(mask("0x1a21651a1c80000 at 127.0.0.1:11565, 0x2a21651a1c80000, 0x1a21651a1c80000")).toBe(
      "0xSESSION-1 at SERVER-1, 0xSESSION-2, 0xSESSION-1",
    );
  });

  it("leave words, versions, exit codes and small numbers alone", () => {
    const text = "3.4.6 3 of 3 servers, exit 75, 10.0.0.1:80, 10 s";
    expect(mask(text)).toBe(text);
  });

  it("keep of a number in JSON that it is one, and null", () => {
    expect(mask('"answerMs": 9.9, "sent":17, "received": null, "followers": 2')).toBe(
      '"answerMs": N, "sent":N, "received": null, "followers": 2',
    );
  });

  const table = (conns: string, latency: string, gap = ""): string =>
    [
      `SERVER           STATE    ${gap}CONNS  LATENCY${" ".repeat(Math.max(0, latency.length - 7))}  SOURCE`,
      `127.0.0.1:11565  serving  ${conns.padStart(5)}  ${latency.padEnd(7)}  mntr`,
      `127.0.0.1:12000  down         -  -${" ".repeat(Math.max(0, latency.length - 1, 6))}  none`,
    ].join("\n");

  it("set a table again, whatever the width of its figures", () => {
    const masked = mask(table("2", "0/0/0"));
    expect(masked.split("\n")).toEqual([
      "SERVER    STATE    CONNS  LATENCY  SOURCE",
      "SERVER-1  serving      N  N/N/N    mntr",
      "CLIENT-1  down         -  -        none",
    ]);
    expect(mask(table("12345", "0/12.5/1200"))).toBe(masked);
  });

  it("say of a table that its columns do not line up", () => {
    expect(mask(table("2", "0/0/0", " "))).toContain("do not line up");
    expect(mask(table("2", "0/0/0").replace("  down ", "  down"))).toContain("do not line up");
  });

  it("see a column that is missing, in another order, or flush with the other side", () => {
    const good = mask(table("2", "0/0/0"));
    expect(mask(table("2", "0/0/0").replaceAll(/ (STATE {2}|serving|down {3}) /g, ""))).not.toBe(good);
    expect(mask(table("2    ", "0/0/0").replace("      -  -", "  -      -"))).not.toBe(good);
  });

  it("let colours stay where they are", () => {
    const dim = (text: string): string => `\u001b[2m${text}\u001b[22m`;
    const [head = "", ...rows] = table("2", "0/0/0")
      .replace("serving", "\u001b[32mserving\u001b[39m")
      .split("\n");
    expect(
      mask([dim(head), ...rows].join("\n"))
        .split("\n")
        .slice(0, 2),
    ).toEqual([
      dim("SERVER    STATE    CONNS  LATENCY  SOURCE"),
      "SERVER-1  \u001b[32mserving\u001b[39m      N  N/N/N    mntr",
    ]);
  });

  it("let the lines below a table be lines", () => {
    expect(
      mask(`${table("2", "0/0/0")}\n127.0.0.1:12000: connect ECONNREFUSED`)
        .split("\n")
        .at(-1),
    ).toBe("CLIENT-1: connect ECONNREFUSED");
  });
});
