import { CommandError } from '../command-error.ts';
import { messageOfFailure } from '../failure.ts';
import type { Session } from '../session.ts';

const MAX_PARALLEL = 50;

/**
 * Does the same to each of several objects at once, prints the names in the order given as they are done, and fails at the end with all
 * messages together. `forgive` may turn a failure into a line on standard error.
 */
export async function doToEach(
  session: Session,
  names: readonly string[],
  operation: (name: string) => Promise<unknown>,
  forgive: (reason: unknown) => boolean = () => false,
): Promise<void> {
  const failures: string[] = [];
  const started: Promise<unknown>[] = [];
  const startNext = (): void => {
    const name = names[started.length];
    if (name === undefined) return;
    const running = Promise.resolve().then(() => operation(name));
    running.catch(() => {}).finally(startNext);
    started.push(running);
  };
  for (let count = 0; count < MAX_PARALLEL; count++) startNext();
  for (const [index, name] of names.entries()) {
    try {
      await started[index];
      session.io.out(`${name}\n`);
    } catch (reason) {
      const message = messageOfFailure(reason, session.address.host);
      if (forgive(reason)) session.io.err(`${message}\n`);
      else failures.push(message);
    }
  }
  if (failures.length > 0) throw new CommandError(failures.join('\n'));
}
