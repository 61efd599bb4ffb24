/**
 * Works on items with only so many under way at once, and gives the results in the order of the items. However it ends,
 * nothing of it is under way any more.
 */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item> | Iterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = [];
  try {
    for await (const item of items) {
      const begun = work(item);
      // Its failure is heard where it is awaited, which may be later.
      begun.catch(() => undefined);
      underWay.push(begun);
      const first = underWay.length === atOnce ? underWay.shift() : undefined;
      if (first) yield await first;
    }
    for (const result of underWay) yield await result;
  } finally {
    await Promise.allSettled(underWay);
  }
}
