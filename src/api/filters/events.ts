import type { EngineEvent } from '../../base/events.ts';
import type { Filters } from '../../wire/query.ts';
import { type ApiVersion, differs } from '../../wire/versions.ts';
import { beginsText, equalsText, matchesLabels } from './match.ts';

const objectTypes = ['container', 'network', 'volume', 'plugin', 'daemon'] as const;
/** Actions that carry a detail after a colon: a filter may leave it out. */
const detailed = /^(?:exec_create|exec_start|health_status)/;

/** Whether an event is to be told to a client with these filters. */
export function eventFilter(filters: Filters, version: ApiVersion): (event: EngineEvent) => boolean {
  return (event) =>
    (differs(version, 'imageCreateEvent') || event.type !== 'image' || event.action !== 'create') &&
    matchesAction(filters, event.action) &&
    equalsText(filters, 'type', event.type) &&
    equalsText(filters, 'scope', 'local') &&
    matchesObject(filters, event) &&
    matchesImage(filters, event) &&
    matchesLabels(filters, event.attributes) &&
    !['config', 'node', 'secret', 'service'].some((name) => (filters[name] ?? []).length > 0);
}

function matchesAction(filters: Filters, action: string): boolean {
  const wanted = filters['event'] ?? [];
  return (
    wanted.length === 0 ||
    wanted.some((value) => value === action || (detailed.test(value) && action.startsWith(value)))
  );
}

/** A filter for one type of object keeps out the other types. */
function matchesObject(filters: Filters, { type, id, attributes }: EngineEvent): boolean {
  return objectTypes.every((name) => {
    if ((filters[name] ?? []).length === 0) return true;
    return type === name && beginsText(filters, name, id, attributes['name'] ?? '');
  });
}

/** By ID, name, or name without its tag; of containers, by what they were made from. */
function matchesImage(filters: Filters, { type, id, attributes }: EngineEvent): boolean {
  if ((filters['image'] ?? []).length === 0) return true;
  const name = attributes[type === 'image' ? 'name' : 'image'] ?? '';
  return equalsText(filters, 'image', id, name, withoutTag(id), withoutTag(name));
}

function withoutTag(reference: string): string {
  const colon = reference.lastIndexOf(':');
  return colon > reference.lastIndexOf('/') ? reference.slice(0, colon) : reference;
}
