import type { Container, ContainerState } from '../contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry, Flags } from '../record.ts';

/** A change of a container's situation: what is named replaces what was. */
export type Change = Partial<Pick<Container, 'networks' | 'files' | 'restartCount'>> & {
  readonly state?: Partial<ContainerState>;
  readonly flags?: Partial<Flags>;
};

/** Makes a change and writes it down, in one step that nothing can interrupt. */
export function transition(parts: Pick<Parts, 'store'>, entry: Entry, change: Change): void {
  const { state, flags, ...rest } = change;
  entry.container = { ...entry.container, ...rest, state: { ...entry.container.state, ...state } };
  if (flags !== undefined) entry.flags = { ...entry.flags, ...flags };
  parts.store.saveState(entry);
}
