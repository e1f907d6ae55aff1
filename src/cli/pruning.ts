import type { Client } from '../client/client.ts';
import { pruneContainers } from '../client/containers.ts';
import { pruneImages } from '../client/images.ts';
import { pruneNetworks } from '../client/networks.ts';
import { pruneBuildCache } from '../client/system.ts';
import { pruneVolumes } from '../client/volumes.ts';
import { humanSize } from '../wire/sizes.ts';
import { confirm } from './confirm.ts';
import { cut, type Filters } from './flag-types.ts';
import type { Session } from './session.ts';

/** What a prune removed. */
export interface Pruned {
  /** A list with its heading, or empty where nothing was removed. */
  readonly text: string;
  /** Bytes. */
  readonly reclaimed: number;
}

function prunedOf(heading: string, lines: readonly string[], reclaimed: number): Pruned {
  const list = lines.map((line) => `${line}\n`).join('');
  return { text: list === '' ? '' : `${heading}:\n${list}\n`, reclaimed };
}

export async function prunedContainers(client: Client, filters: Filters): Promise<Pruned> {
  const { ContainersDeleted, SpaceReclaimed } = await pruneContainers(client, filters);
  return prunedOf('Deleted Containers', ContainersDeleted ?? [], SpaceReclaimed);
}

export async function prunedNetworks(client: Client, filters: Filters): Promise<Pruned> {
  const { NetworksDeleted } = await pruneNetworks(client, given(filters));
  return prunedOf('Deleted Networks', NetworksDeleted ?? [], 0);
}

export async function prunedVolumes(client: Client, filters: Filters): Promise<Pruned> {
  const { VolumesDeleted, SpaceReclaimed } = await pruneVolumes(client, given(filters));
  return prunedOf('Deleted Volumes', VolumesDeleted ?? [], SpaceReclaimed);
}

/** Bytes may be freed without an image: what pulls that were given up have left goes too. */
export async function prunedImages(client: Client, filters: Filters, all: boolean): Promise<Pruned> {
  const dangling = { ...filters['dangling'], [String(!all)]: true };
  const { ImagesDeleted, SpaceReclaimed } = await pruneImages(client, { ...filters, dangling });
  const lines = (ImagesDeleted ?? []).map(({ Deleted, Untagged }) =>
    Untagged ? `untagged: ${Untagged}` : `deleted: ${Deleted ?? ''}`,
  );
  return prunedOf('Deleted Images', lines, SpaceReclaimed);
}

/** `keepStorage`: bytes of it that stay. */
export async function prunedBuildCache(
  client: Client,
  filters: Filters,
  { all, keepStorage }: { readonly all: boolean; readonly keepStorage?: number | undefined },
): Promise<Pruned> {
  const { CachesDeleted, SpaceReclaimed } = await pruneBuildCache(client, {
    all,
    keepStorage,
    filters: given(filters),
  });
  return prunedOf('Deleted build cache objects', CachesDeleted ?? [], SpaceReclaimed);
}

function given(filters: Filters): Filters | undefined {
  return Object.keys(filters).length === 0 ? undefined : filters;
}

export interface PruneQuestion {
  readonly warning: string;
  readonly force: boolean;
  /** Between warning and question. */
  readonly separator?: '\n' | ' ';
}

/** Asks, unless forced, then runs the prunes one after the other and shows what each removed, and the sum. */
export async function runPrunes(
  session: Session,
  { warning, force, separator = '\n' }: PruneQuestion,
  prunes: readonly ((client: Client) => Promise<Pruned>)[],
): Promise<void> {
  const client = await session.client();
  const question = `${warning}${separator}Are you sure you want to continue?`;
  if (!force && !(await confirm(session.io, question))) return;
  let sum = 0;
  for (const prune of prunes) {
    const { text, reclaimed } = await prune(client);
    session.io.out(text);
    sum += reclaimed;
  }
  session.io.out(`Total reclaimed space: ${humanSize(sum)}\n`);
}

/** The filters of a prune with those of the configuration, where these do not say the opposite about a label. */
export function withConfiguredFilters(filters: Filters, configured: readonly string[]): Filters {
  const merged: Record<string, Readonly<Record<string, boolean>>> = { ...filters };
  for (const text of configured) {
    if (!text.includes('=')) continue;
    const [key, value] = cut(text, '=');
    const opposite = key === 'label' ? 'label!' : key === 'label!' ? 'label' : undefined;
    if (opposite !== undefined && filters[opposite]?.[value]) continue;
    merged[key] = { ...merged[key], [value]: true };
  }
  return merged;
}
