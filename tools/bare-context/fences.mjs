// @ts-nocheck: its imports exist only where run.mjs links them
// What a module finds in the bare context, so that the test of the core is known to test something.
const names = [
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "process",
  "console",
  "Buffer",
  "TextEncoder",
];

const says = (action) => {
  try {
    return String(action());
  } catch (error) {
    return error.message;
  }
};

export function run() {
  return {
    there: names
      .concat("performance", "crypto", "AbortSignal", "require", "fetch")
      .filter((name) => name in globalThis),
    now: says(() => Date.now()),
    date: says(() => new Date()),
    random: says(() => Math.random()),
    promise: says(() => new Promise(() => {})),
  };
}
