import { describe, expect, it } from "vitest";
import { keysIn } from "./keys.js";

describe("keys", () => {
  it("are what they mean, several in one piece too", () => {
    expect(keysIn("jk\u001b[A\u001b[B\u001bOA\u001bOB")).toEqual(["down", "up", "up", "down", "up", "down"]);
    expect(keysIn("\r\u001bh?r q\u0004")).toEqual([
      "enter",
      "back",
      "help",
      "help",
      "reset",
      "hold",
      "quit",
      "quit",
    ]);
  });

  it("that mean nothing are left out, those of more than one letter as a whole", () => {
    expect(keysIn("x\u001b[Cy\u0003ö")).toEqual([]);
  });
});
