import { invalid, messageOf, SampanError } from '../../base/errors.ts';
import { parseName } from '../names.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';

export function renameEntry(parts: Parts, entry: Entry, text: string): Promise<void> {
  return entry.lock.run(async () => {
    if (text === '') throw invalid('Neither old nor new names may be empty');
    const oldName = entry.container.name;
    const name = text.startsWith('/') ? text.slice(1) : text;
    if (name === oldName) throw invalid('Renaming a container with the same name as its current name');
    reserve(parts, entry, `/${name}`);
    entry.container = { ...entry.container, name };
    parts.store.saveName(entry);
    parts.registry.release(oldName);
    parts.events.container(entry.container, 'rename', { oldName: `/${oldName}` });
  });
}

function reserve(parts: Parts, entry: Entry, text: string): void {
  try {
    parts.registry.reserve(parseName(text), entry.id);
  } catch (error) {
    if (!(error instanceof SampanError)) throw error;
    throw new SampanError(error.code, `Error when allocating new name: ${messageOf(error)}`);
  }
}
