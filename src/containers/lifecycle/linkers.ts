import { messageOf } from '../../base/errors.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { rewriteHosts } from './hosts.ts';
import { linkedPorts } from './links.ts';
import { transition } from './transition.ts';

/** Running containers that are linked to one that has just started are told where it is now. Nobody waits for that. */
export function tellLinkers(parts: Parts, entry: Entry): void {
  for (const other of parts.registry.all()) {
    const links = other.container.hostConfig.Links ?? [];
    if (other.task === undefined || !links.some((text) => text.startsWith(`${entry.id}:`))) continue;
    void other.lock
      .run(() => relink(parts, other))
      .catch((error) => {
        parts.log.warn('cannot tell a container where another is that it is linked to', {
          ...{ container: other.id, linked: entry.id, error: messageOf(error) },
        });
      });
  }
}

async function relink(parts: Parts, entry: Entry): Promise<void> {
  if (entry.task === undefined) return;
  rewriteHosts(parts, entry);
  const place = entry.container.networks['bridge'];
  if (place?.endpoint === undefined) return;
  const endpoint = await parts.networks.relink(parts.background, place.endpoint, linkedPorts(parts, entry));
  transition(parts, entry, { networks: { ...entry.container.networks, bridge: { ...place, endpoint } } });
}
