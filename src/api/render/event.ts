import type { EngineEvent } from '../../base/events.ts';
import type { EventMessage } from '../../wire/system-types.ts';
import { unixSeconds } from '../../wire/times.ts';
import { type ApiVersion, differs } from '../../wire/versions.ts';

/** One line of the event stream. Its nanoseconds are more than a number holds, so the text is made here. */
export function renderEvent(event: EngineEvent, version: ApiVersion): string {
  const message: EventMessage = {
    ...(differs(version, 'eventLegacyFields') ? legacyFields(event) : {}),
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.id, Attributes: { ...event.attributes } },
    scope: 'local',
    time: unixSeconds(event.time),
  };
  return `${JSON.stringify(message).slice(0, -1)},"timeNano":${event.timeNano}}\n`;
}

function legacyFields({ type, action, id, attributes }: EngineEvent): Partial<EventMessage> {
  if (type === 'container') {
    const from = attributes['image'];
    return { status: action, id, ...(from === undefined || from === '' ? {} : { from }) };
  }
  return type === 'image' ? { status: action, id } : {};
}
