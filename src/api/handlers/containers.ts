import { invalid } from '../../base/errors.ts';
import type { AppliedChange, Container } from '../../containers/contract.ts';
import { differs } from '../../wire/versions.ts';
import type { HandlersOf } from '../call.ts';
import { selectContainers } from '../filters/containers.ts';
import { matchesLabels } from '../filters/match.ts';
import { renderContainer, renderSummary } from '../render/container.ts';
import { reachedPorts } from '../render/reached-ports.ts';
import { untilFilter } from '../timestamp.ts';
import { createRequest } from './create-request.ts';
import { terminalSize } from './terminal-size.ts';

function renderChange({ kind, name, removed, applied }: AppliedChange) {
  return { Kind: kind, Name: name, Removed: removed, Applied: applied };
}

export const containerHandlers: HandlersOf<
  | 'containerList'
  | 'containerCreate'
  | 'containerPrune'
  | 'containerInspect'
  | 'containerStart'
  | 'containerStop'
  | 'containerRestart'
  | 'containerKill'
  | 'containerPause'
  | 'containerUnpause'
  | 'containerRename'
  | 'containerRemove'
  | 'containerUpdate'
  | 'containerResize'
  | 'containerPorts'
  | 'containerTop'
> = {
  async containerList({ engine, context, query, version }) {
    const now = new Date();
    const containers = selectContainers(engine, query);
    if (!query.size) return containers.map((one) => renderSummary(one, engine, version, now, undefined));
    return Promise.all(
      containers.map(async (one) =>
        renderSummary(one, engine, version, now, await engine.containers.size(context, one.id)),
      ),
    );
  },

  async containerCreate({ engine, context, query, body, version }) {
    const cgroups = differs(version, 'hostCgroupnsDefault')
      ? (await engine.system.facts()).host.cgroupVersion
      : undefined;
    const request = createRequest(body, query, version, cgroups);
    const { id, warnings } = await engine.containers.create(context, request);
    return { Id: id, Warnings: [...warnings] };
  },

  async containerPrune({ engine, context, query: { filters } }) {
    const until = untilFilter(filters, new Date());
    const old = ({ created }: Container): boolean => until === undefined || created.getTime() < until;
    const { deleted, bytes } = await engine.containers.prune(
      context,
      (container) => old(container) && matchesLabels(filters, container.config.Labels),
    );
    return { ContainersDeleted: deleted.length === 0 ? null : [...deleted], SpaceReclaimed: bytes };
  },

  async containerInspect({ engine, context, name, query, version }) {
    const container = engine.containers.get(name);
    const size = query.size ? await engine.containers.size(context, container.id) : undefined;
    return renderContainer(container, version, size);
  },

  async containerStart({ engine, context, name, query, request }) {
    // A HostConfig used to be taken here; clients of that time still send "{}" or "null".
    const { length } = request.body;
    if (length === undefined || length > 7) {
      throw invalid(
        'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24',
      );
    }
    if (query.checkpoint !== '') throw invalid('checkpoints are not supported by this engine');
    await engine.containers.start(context, name);
  },

  async containerStop({ engine, context, name, query, version }) {
    const signal = differs(version, 'stopSignal') ? query.signal : '';
    await engine.containers.stop(context, name, { timeout: query.t, signal });
  },

  async containerRestart({ engine, context, name, query, version }) {
    const signal = differs(version, 'stopSignal') ? query.signal : '';
    await engine.containers.restart(context, name, { timeout: query.t, signal });
  },

  async containerKill({ engine, context, name, query }) {
    await engine.containers.kill(context, name, query.signal);
  },

  async containerPause({ engine, context, name }) {
    await engine.containers.pause(context, name);
  },

  async containerUnpause({ engine, context, name }) {
    await engine.containers.unpause(context, name);
  },

  async containerRename({ engine, context, name, query }) {
    await engine.containers.rename(context, name, query.name);
  },

  async containerRemove({ engine, context, name, query }) {
    await engine.containers.remove(context, name, { force: query.force, volumes: query.v, link: query.link });
  },

  async containerUpdate({ engine, context, name, body }) {
    const { warnings, changes } = await engine.containers.update(context, name, body);
    return {
      Warnings: warnings.length === 0 ? null : [...warnings],
      ...(body.Changes === undefined ? {} : { Changes: changes.map(renderChange) }),
    };
  },

  async containerResize({ engine, context, name, query }) {
    await engine.containers.resize(context, name, terminalSize(query));
  },

  async containerPorts({ engine, context, name }) {
    return reachedPorts(engine.networks, context, [engine.containers.get(name)]);
  },

  async containerTop({ engine, context, name, query }) {
    const table = await engine.containers.top(context, name, query.ps_args || '-ef');
    return { Processes: table.processes.map((row) => [...row]), Titles: [...table.titles] };
  },
};
