import { catalog, findCommand, findGroup, groups } from '../catalog.ts';
import type { CatalogEntry } from '../command.ts';
import { defineCommand } from '../command.ts';
import type { FlagTable } from '../flag.ts';
import { globalFlags } from '../global-flags.ts';
import type { Session } from '../session.ts';

/**
 * Prints what may stand at the end of a command line, one candidate a line, with a tab and a description where there is one. The words
 * are those after the program's name; the last is the one being typed.
 */
export const command = defineCommand({
  flags: {},
  args: { atLeast: 0 },
  interspersed: false,
  async run({ args, session }) {
    const typed = args.at(-1) ?? '';
    const words = args.slice(0, -1).filter((word) => word !== '--');
    const candidates = await candidatesFor(session, words, typed);
    const fitting = candidates.filter(({ value }) => value.startsWith(typed));
    session.io.out(
      fitting.map(({ value, note }) => (note === '' ? `${value}\n` : `${value}\t${note}\n`)).join(''),
    );
  },
});

interface Candidate {
  readonly value: string;
  readonly note: string;
}

async function candidatesFor(
  session: Session,
  words: readonly string[],
  typed: string,
): Promise<Candidate[]> {
  const plain = words.filter((word) => !word.startsWith('-'));
  const entry = findCommand(plain.slice(0, 2)) ?? findCommand(plain.slice(0, 1));
  if (entry === undefined) {
    if (typed.startsWith('-')) return flagCandidates(globalFlags);
    const group = plain[0] === undefined ? undefined : findGroup(plain[0]);
    return group === undefined ? topCandidates() : groupCandidates(group.name);
  }
  if (typed.startsWith('-')) return flagCandidates((await entry.load()).command.flags);
  return argumentCandidates(session, entry, plain.length > 2);
}

function flagCandidates(flags: FlagTable): Candidate[] {
  return Object.entries(flags)
    .filter(([, entry]) => !entry.hidden && entry.deprecated === undefined)
    .map(([name, { usage }]) => ({ value: `--${name}`, note: usage.split('\n', 1)[0] ?? '' }));
}

function topCandidates(): Candidate[] {
  const commands = catalog.flatMap((entry) => {
    const name = entry.shortcut ?? (entry.path.includes(' ') ? undefined : entry.path);
    return name === undefined || entry.hidden ? [] : [{ value: name, note: entry.short }];
  });
  return [...commands, ...groups.map(({ name, short }) => ({ value: name, note: short }))];
}

function groupCandidates(group: string): Candidate[] {
  return catalog
    .filter(({ path, hidden }) => !hidden && path.startsWith(`${group} `))
    .map(({ path, short }) => ({ value: path.slice(group.length + 1), note: short }));
}

/** Names of the objects that the command is about, as the daemon knows them; none when it cannot be asked. */
async function argumentCandidates(
  session: Session,
  entry: CatalogEntry,
  hasFirst: boolean,
): Promise<Candidate[]> {
  const values = await namesFor(session, entry, hasFirst).catch(() => []);
  return values.map((value) => ({ value, note: '' }));
}

async function namesFor(session: Session, { usage }: CatalogEntry, hasFirst: boolean): Promise<string[]> {
  const wantsMore = usage.includes('...]') && !usage.includes('ARG');
  if (hasFirst && !wantsMore) return [];
  if (/\b(CONTAINER|NAME\|ID)\b/.test(usage)) return containerNames(session);
  if (/IMAGE|REPOSITORY/.test(usage)) return imageNames(session);
  if (/\bVOLUME\b/.test(usage)) return volumeNames(session);
  return /\bNETWORK\b/.test(usage) ? networkNames(session) : [];
}

async function containerNames(session: Session): Promise<string[]> {
  const { listContainers } = await import('../../client/containers.ts');
  const containers = await listContainers(await session.client(), { all: true });
  return containers.flatMap(({ Names }) => (Names ?? []).map((name) => name.slice(1)));
}

async function imageNames(session: Session): Promise<string[]> {
  const { listImages } = await import('../../client/images.ts');
  const images = await listImages(await session.client());
  return images.flatMap(({ RepoTags }) => RepoTags ?? []);
}

async function volumeNames(session: Session): Promise<string[]> {
  const { listVolumes } = await import('../../client/volumes.ts');
  const { Volumes } = await listVolumes(await session.client());
  return (Volumes ?? []).map(({ Name }) => Name);
}

async function networkNames(session: Session): Promise<string[]> {
  const { listNetworks } = await import('../../client/networks.ts');
  return (await listNetworks(await session.client())).map(({ Name }) => Name);
}
