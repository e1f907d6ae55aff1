import type { Context } from '../base/context.ts';
import { isCode } from '../base/errors.ts';
import type { Endpoint } from './endpoints.ts';
import { isUnreachable } from './failures.ts';

/** Does the work at the first endpoint that can; the last one's failure is the one that counts. */
export async function inTurn<P extends { readonly endpoint: Endpoint }, T>(
  context: Context,
  places: readonly P[],
  work: (place: P) => Promise<T>,
): Promise<T> {
  let failure: unknown;
  for (const place of places) {
    const { isMirror, url } = place.endpoint;
    try {
      return await work(place);
    } catch (error) {
      context.signal.throwIfAborted();
      failure = error;
      // What fits no platform in a mirror fits none anywhere else.
      if (isCode(error, 'not-found') || (!isMirror && !isUnreachable(error))) break;
      context.log.debug('a registry did not serve', { url: url.href, error: String(error) });
    }
  }
  throw failure;
}
