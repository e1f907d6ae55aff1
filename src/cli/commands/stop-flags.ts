import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { integer, text } from '../flag-types.ts';

/** What `stop` and `restart` have in common. */
export const stopFlags = {
  signal: flag(text(), 's', 'Signal that asks the container to end'),
  timeout: flag(integer(), 't', 'Seconds until the container is killed'),
  time: flag(integer(), '', 'Seconds until the container is killed (deprecated: use --timeout)', {
    deprecated: 'use --timeout instead',
    sameAs: 'timeout',
  }),
} as const;

export interface StopChoice {
  readonly signal: string | undefined;
  readonly timeout: number | undefined;
}

export function stopChoice(
  options: { readonly signal: string; readonly timeout: number },
  spelled: ReadonlySet<string>,
): StopChoice {
  if (spelled.has('timeout') && spelled.has('time')) {
    throw new CommandError('conflicting options: cannot specify both --timeout and --time');
  }
  const isGiven = spelled.has('timeout') || spelled.has('time');
  return { signal: options.signal || undefined, timeout: isGiven ? options.timeout : undefined };
}
