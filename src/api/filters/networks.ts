import { invalid } from '../../base/errors.ts';
import type { Engine } from '../../engine/contract.ts';
import type { Network } from '../../network/contract.ts';
import type { Filters } from '../../wire/query.ts';
import { equalsText, flagFilter, matchesLabels, matchesText } from './match.ts';

/** Made by the engine itself, not to be removed. */
const predefined = new Set(['bridge', 'host', 'none']);

export function selectNetworks(engine: Engine, filters: Filters): Network[] {
  const types = filters['type'] ?? [];
  for (const type of types) {
    if (type !== 'custom' && type !== 'builtin') throw invalid(`invalid filter: 'type'='${type}'`);
  }
  const dangling = flagFilter(filters, 'dangling');
  const used = dangling === undefined ? new Set<string>() : usedNetworks(engine);
  return engine.networks
    .list()
    .filter(
      (network) =>
        matchesText(filters, 'name', network.name) &&
        matchesText(filters, 'id', network.id) &&
        equalsText(filters, 'driver', network.driver) &&
        equalsText(filters, 'scope', network.scope) &&
        equalsText(filters, 'idOrName', network.id, network.name) &&
        equalsText(filters, 'type', predefined.has(network.name) ? 'builtin' : 'custom') &&
        matchesLabels(filters, network.labels) &&
        (dangling === undefined || (!predefined.has(network.name) && !used.has(network.id)) === dangling),
    );
}

function usedNetworks(engine: Engine): Set<string> {
  return new Set(
    engine.containers.list().flatMap(({ networks }) => Object.values(networks).map((n) => n.networkId)),
  );
}
