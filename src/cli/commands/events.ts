import { messageOf } from '../../base/errors.ts';
import { serverEventTexts } from '../../client/system.ts';
import type { TypeOf } from '../../wire/schema.ts';
import { EventMessage } from '../../wire/system-types.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { filter, text } from '../flag-types.ts';
import { parseExactJson } from '../format/exact-json.ts';
import { formatRfc3339Nano, parseTimestamp } from '../format/time.ts';
import { formatUsage } from '../format-usage.ts';

type Event = TypeOf<typeof EventMessage>;

export const command = defineCommand({
  flags: {
    filter: flag(filter, 'f', 'Show only the events that meet conditions'),
    format: flag(text(), '', formatUsage('object')),
    since: flag(text(), '', 'Show the events since this time'),
    until: flag(text(), '', 'End at this time'),
  },
  args: { atMost: 0 },
  async run({ options, session }) {
    const print = await printer(options.format);
    const client = await session.client();
    const now = Date.now();
    const texts = await serverEventTexts(client, {
      since: timeOption(options.since, now),
      until: timeOption(options.until, now),
      filters: Object.keys(options.filter).length === 0 ? undefined : options.filter,
    });
    for await (const text of texts) session.io.out(print(parseExactJson(text) as Event));
  },
});

function timeOption(given: string, now: number): string {
  try {
    return parseTimestamp(given, now);
  } catch (reason) {
    throw new CommandError(messageOf(reason));
  }
}

async function printer(format: string): Promise<(event: Event) => string> {
  if (format === '') return eventLine;
  const { Template } = await import('../template/template.ts');
  const { structOf } = await import('../template/typed.ts');
  const source = format === 'json' ? '{{json .}}' : format;
  try {
    const template = Template.parse(source);
    template.execute(structOf(EventMessage, {}, '*events.Message'));
    return (event) => `${template.execute(structOf(EventMessage, event, '*events.Message'))}\n`;
  } catch (reason) {
    throw new CommandError(`Error parsing format: ${messageOf(reason)}`, 64);
  }
}

function eventLine(event: Event): string {
  const { time = 0, timeNano = 0, Type, Action, Actor } = event;
  const nanoseconds = timeNano === 0 ? BigInt(time) * 1_000_000_000n : BigInt(timeNano);
  const when = nanoseconds === 0n ? '' : `${formatRfc3339Nano(nanoseconds)} `;
  const attributes = Object.entries(Actor.Attributes ?? {})
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  const suffix = attributes.length === 0 ? '' : ` (${attributes.join(', ')})`;
  return `${when}${Type} ${Action} ${Actor.ID}${suffix}\n`;
}
