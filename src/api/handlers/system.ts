import { invalid, notFound } from '../../base/errors.ts';
import { announceVersion } from '../../wire/versions.ts';
import type { Call, HandlersOf } from '../call.ts';
import { eventFilter } from '../filters/events.ts';
import { renderEvent } from '../render/event.ts';
import { renderInfo, renderVersion } from '../render/system.ts';
import { parseTimestamp } from '../timestamp.ts';

export const systemHandlers: HandlersOf<
  'ping' | 'pingHead' | 'version' | 'info' | 'events' | 'pluginList' | 'pluginInspect'
> = {
  ping: sendPing,
  pingHead: sendPing,

  async version({ engine, request, version }) {
    const newest = announceVersion(request.headers.get('user-agent'));
    return renderVersion(await engine.system.facts(), version, newest);
  },

  async info({ engine, version }) {
    const counts = {
      containers: engine.containers.list(),
      images: engine.images.list().filter(({ listedAs }) => listedAs === undefined).length,
      now: new Date(),
    };
    return renderInfo(await engine.system.facts(), counts, version);
  },

  async events({ engine, context, query, version, response }) {
    const since = parseTimestamp(query.since, 'since');
    const until = parseTimestamp(query.until, 'until');
    if (since !== undefined && until !== undefined && since > until) {
      throw invalid(`\`since\` time (${query.since}) cannot be after \`until\` time (${query.until})`);
    }
    const wanted = eventFilter(query.filters, version);
    const events = engine.events.subscribe(context, { since, until });
    await response.start(200, 'application/json');
    for await (const event of events) {
      if (wanted(event)) await response.write(renderEvent(event, version));
    }
  },

  pluginList: () => [],

  pluginInspect({ name }) {
    throw notFound(`plugin ${JSON.stringify(name)} not found`);
  },
};

/** 2 is BuildKit, which clients with `buildx` build with; those without go on with the classic builder. */
function sendPing({ response }: Pick<Call, 'response'>): undefined {
  response.header('Builder-Version', '2');
  response.header('Swarm', 'inactive');
  response.header('Cache-Control', 'no-cache, no-store, must-revalidate');
  response.header('Pragma', 'no-cache');
  response.send(200, 'OK', 'text/plain; charset=utf-8')?.catch(() => {});
}
