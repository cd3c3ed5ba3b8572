import { describe, expect, it } from "vitest";
import { ChangeStream } from "./change-stream.js";

function streamOf(bufferMax = 3): { stream: ChangeStream<string>; left: () => number } {
  let left = 0;
  const stream = new ChangeStream<string>(
    bufferMax,
    (dropped) => `${dropped} dropped`,
    () => {
      left += 1;
    },
  );
  return { stream, left: () => left };
}

describe("a stream of changes", () => {
  it("gives them in order, to readers that wait and to those that come later", async () => {
    const { stream } = streamOf();
    const waiting = [stream.next(), stream.next()];
    for (const change of ["a", "b", "c", "d"]) stream.push(change);
    const results = [...waiting, stream.next(), stream.next()];
    expect(await Promise.all(results)).toEqual(["a", "b", "c", "d"].map((value) => ({ done: false, value })));
  });

  it("says how many a slow reader missed, once, and goes on from there", async () => {
    const { stream } = streamOf(3);
    for (const change of ["a", "b", "c"]) stream.push(change);
    expect(await stream.next()).toEqual({ done: false, value: "a" });
    for (const change of ["d", "e", "f"]) stream.push(change);
    expect(await stream.next()).toEqual({ done: false, value: "5 dropped" });
    stream.push("g");
    expect(await stream.next()).toEqual({ done: false, value: "g" });
  });

  it("is read to its end, and then is over", async () => {
    const { stream, left } = streamOf();
    stream.push("a");
    stream.end();
    stream.push("b");
    const read: string[] = [];
    for await (const change of stream) read.push(change);
    expect(read).toEqual(["a"]);
    expect(left()).toBe(1);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it("tells an error once, behind what came before it", async () => {
    const { stream } = streamOf();
    stream.push("a");
    stream.end(new Error("broken"));
    expect(await stream.next()).toEqual({ done: false, value: "a" });
    await expect(stream.next()).rejects.toThrow("broken");
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it("tells one of those who wait of the error, and the others that it is over", async () => {
    const { stream } = streamOf();
    const [first, second] = [stream.next(), stream.next()];
    stream.end(new Error("broken"));
    await expect(first).rejects.toThrow("broken");
    expect(await second).toEqual({ done: true, value: undefined });
  });

  it("forgets everything when its reader leaves, or gives up", async () => {
    const { stream, left } = streamOf();
    stream.push("a");
    for await (const _change of stream) break;
    expect(left()).toBe(1);
    const other = streamOf(1);
    for (const change of ["a", "b"]) other.stream.push(change);
    other.stream.abort(new Error("enough"));
    await expect(other.stream.next()).rejects.toThrow("enough");
    expect(await other.stream.next()).toEqual({ done: true, value: undefined });
    expect(other.left()).toBe(1);
  });
});
