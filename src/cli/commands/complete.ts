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
  const plain = operandsOf(words, globalFlags).operands;
  const entry = findCommand(plain.slice(0, 2)) ?? findCommand(plain.slice(0, 1));
  if (entry === undefined) {
    if (typed.startsWith('-')) return flagCandidates(globalFlags);
    const group = plain[0] === undefined ? undefined : findGroup(plain[0]);
    return group === undefined ? topCandidates() : groupCandidates(group.name);
  }
  const { flags } = (await entry.load()).command;
  const { operands, awaiting } = operandsOf(words, { ...globalFlags, ...flags });
  if (awaiting !== undefined) return objectCandidates(() => flagValues(session, awaiting));
  if (typed.startsWith('-')) return flagCandidates(flags);
  const pathLength = findCommand(operands.slice(0, 2)) === entry ? 2 : 1;
  return objectCandidates(() => namesFor(session, entry, operands.slice(pathLength)));
}

/** Words that are neither flags nor flags' values, and the flag whose value comes next. */
function operandsOf(
  words: readonly string[],
  flags: FlagTable,
): { operands: string[]; awaiting: string | undefined } {
  const operands: string[] = [];
  let awaiting: string | undefined;
  for (const word of words) {
    if (awaiting !== undefined) awaiting = undefined;
    else if (word.startsWith('-') && word !== '-') awaiting = flagAwaiting(word, flags);
    else operands.push(word);
  }
  return { operands, awaiting };
}

/** The name of the flag in `word` whose value is the next word. */
function flagAwaiting(word: string, flags: FlagTable): string | undefined {
  const takesValue = (name: string | undefined): boolean =>
    name !== undefined && flags[name]?.type.bare === undefined && flags[name] !== undefined;
  if (word.startsWith('--')) {
    const name = word.slice(2);
    return takesValue(name) ? name : undefined;
  }
  const names = [...word.slice(1)].map((letter) =>
    Object.keys(flags).find((key) => flags[key]?.short === letter),
  );
  const first = names.findIndex(takesValue);
  // What follows the letter in its own word is the value.
  return first === names.length - 1 ? names[first] : undefined;
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

/** As the daemon knows them; none when it cannot be asked. */
async function objectCandidates(names: () => Promise<readonly string[]>): Promise<Candidate[]> {
  const values = await names().catch(() => []);
  return values.map((value) => ({ value, note: '' }));
}

const fixedValues: Readonly<Record<string, readonly string[]>> = {
  progress: ['auto', 'plain', 'quiet', 'rawjson', 'tty'],
  pull: ['always', 'missing', 'never'],
  restart: ['always', 'no', 'on-failure', 'unless-stopped'],
};

async function flagValues(session: Session, flag: string): Promise<readonly string[]> {
  if (flag === 'network' || flag === 'net') return networkNames(session);
  if (flag === 'link' || flag === 'volumes-from') return containerNames(session);
  return fixedValues[flag] ?? [];
}

/** Names of the objects that the command is about. The shell offers files where there are none. */
async function namesFor(
  session: Session,
  { usage }: CatalogEntry,
  given: readonly string[],
): Promise<string[]> {
  if (usage.includes('CONTAINER:')) {
    // Of a copy's two sides one is a container's.
    if (given.some((side) => side.includes(':'))) return [];
    return (await containerNames(session)).map((name) => `${name}:`);
  }
  const wantsMore = usage.includes('...]') && !usage.includes('ARG');
  if (given.length > 0 && !wantsMore) return [];
  if (/\b(CONTAINER|NAME\|ID)\b/.test(usage)) return containerNames(session);
  if (/IMAGE|REPOSITORY|NAME\[:TAG\]/.test(usage)) return imageNames(session);
  if (/\bSERVER\b/.test(usage)) return knownServers(session);
  if (/\bVOLUME\b/.test(usage)) return volumeNames(session);
  if (/\bMOUNT\b/.test(usage)) return cacheMountNames(session);
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

async function cacheMountNames(session: Session): Promise<string[]> {
  const { listCacheMounts } = await import('../../client/cache-mounts.ts');
  return listCacheMounts(await session.client());
}

async function knownServers(session: Session): Promise<string[]> {
  const { serversOf } = await import('../credentials/credential-store.ts');
  return serversOf(session);
}

async function networkNames(session: Session): Promise<string[]> {
  const { listNetworks } = await import('../../client/networks.ts');
  return (await listNetworks(await session.client())).map(({ Name }) => Name);
}
