import { invalid, messageOf, SampanError } from '../../base/errors.ts';
import { parseName } from '../names.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { transition } from './transition.ts';

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
    renameEndpoints(parts, entry, oldName);
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

/** Neighbours find it by its new name at once. */
function renameEndpoints(parts: Parts, entry: Entry, oldName: string): void {
  const { name } = entry.container;
  const networks = { ...entry.container.networks };
  for (const [network, place] of Object.entries(networks)) {
    if (place.endpoint === undefined) continue;
    const names = place.endpoint.names.map((known) => (known === oldName ? name : known));
    const endpoint = { ...place.endpoint, containerName: name, names };
    networks[network] = { ...place, endpoint };
    parts.networks.rename(endpoint);
  }
  transition(parts, entry, { networks });
}
