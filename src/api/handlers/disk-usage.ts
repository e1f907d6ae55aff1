import { invalid } from '../../base/errors.ts';
import type { StorageKind } from '../../engine/contract.ts';
import { type ApiVersion, differs } from '../../wire/versions.ts';
import type { HandlersOf } from '../call.ts';
import { renderDiskUsage } from '../render/disk-usage.ts';

const allKinds: readonly StorageKind[] = ['container', 'image', 'volume', 'build-cache'];

export const diskUsageHandlers: HandlersOf<'diskUsage'> = {
  async diskUsage({ engine, context, query, version }) {
    const kinds = kindsOf(query.type, version);
    const usage = await engine.storage.usage(context, kinds);
    return renderDiskUsage(engine, usage, { kinds, version, verbose: query.verbose, now: new Date() });
  },
};

function kindsOf(types: readonly string[], version: ApiVersion): ReadonlySet<StorageKind> {
  if (types.length === 0 || !differs(version, 'diskUsageTypes')) return new Set(allKinds);
  return new Set(types.map(kindOf));
}

function kindOf(text: string): StorageKind {
  const kind = allKinds.find((known) => known === text);
  if (kind === undefined) throw invalid(`unknown object type: ${text}`);
  return kind;
}
