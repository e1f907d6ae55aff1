import type { Context } from '../base/context.ts';

/** Does the work for all items at once; the first failure ends the others, and is thrown when they have ended. */
export async function together<T, R>(
  context: Context,
  items: readonly T[],
  work: (context: Context, item: T) => Promise<R>,
): Promise<R[]> {
  const failed = new AbortController();
  const own = { ...context, signal: AbortSignal.any([context.signal, failed.signal]) };
  const results = await Promise.all(
    items.map((item) =>
      work(own, item).catch((error: unknown) => {
        failed.abort(error);
        return undefined;
      }),
    ),
  );
  own.signal.throwIfAborted();
  return results as R[];
}
