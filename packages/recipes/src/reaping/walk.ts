/** Going through a tree with so many requests under way, and no more, however wide it is. */

/**
 * Visits the places that it is given, and those that each visit gives, in no order.
 *
 * @param visit gives what is to be visited besides
 * @throws what the first visit that failed threw, when those under way have ended
 */
export async function walk<Place>(
  from: readonly Place[],
  concurrency: number,
  visit: (place: Place) => Promise<readonly Place[]>,
): Promise<void> {
  const left = [...from];
  let busy = 0;
  let failure: { readonly error: unknown } | undefined;
  await new Promise<void>((resolve) => {
    const go = (): void => {
      while (failure === undefined && busy < concurrency) {
        const place = left.pop();
        if (place === undefined) break;
        busy += 1;
        visit(place)
          .then(
            // One by one: a directory may have more children than a call may have arguments.
            (more) => more.forEach((each) => void left.push(each)),
            (error: unknown) => {
              failure ??= { error };
            },
          )
          .finally(() => {
            busy -= 1;
            go();
          });
      }
      if (busy === 0) resolve();
    };
    go();
  });
  if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
}
