/** A listener for one watch, and the promise of its event. */
export function nextEvent(): { readonly promise: Promise<void>; readonly listener: () => void } {
  let listener = (): void => {};
  const promise = new Promise<void>((resolve) => {
    listener = resolve;
  });
  return { promise, listener };
}
