import { randomBytes } from 'node:crypto';
import { messageOf } from '../base/errors.ts';
import { digestOf } from '../oci/digest.ts';
import type { BuildListener } from './contract.ts';

/** What is said about a step that is no vertex of the definition. */
export interface StepTeller {
  note(text: string): void;
  progress(id: string, current: number, total: number): void;
}

/** Between two words on the way of the same transfer, milliseconds. */
const INTERVAL = 100;

/** Does work that the listener hears of as of a vertex: "importing cache manifest from …". */
export async function toldStep<T>(
  listener: BuildListener,
  name: string,
  work: (tell: StepTeller) => Promise<T>,
): Promise<T> {
  const digest = digestOf(randomBytes(32));
  listener.onPlan?.([{ digest, name, inputs: [] }]);
  listener.onStart?.(digest);
  try {
    const result = await work({
      note: (text) => listener.onOutput?.(digest, 'stderr', Buffer.from(`${text}\n`)),
      progress: seldom((id, current, total) => listener.onProgress?.(digest, id, current, total)),
    });
    listener.onDone?.(digest, { cached: false });
    return result;
  } catch (error) {
    listener.onDone?.(digest, { cached: false, error: messageOf(error) });
    throw error;
  }
}

/** Begin and end of each transfer are told in any case, but once. */
function seldom(tell: StepTeller['progress']): StepTeller['progress'] {
  const told = new Map<string, { readonly at: number; readonly current: number }>();
  return (id, current, total) => {
    const last = told.get(id);
    const at = performance.now();
    if (last?.current === current || (current < total && at - (last?.at ?? -INTERVAL) < INTERVAL)) return;
    told.set(id, { at, current });
    tell(id, current, total);
  };
}
