import type { Context } from '../../base/context.ts';
import { invalid } from '../../base/errors.ts';
import { fromText } from '../../oci/tar/entry.ts';
import type { FileTree } from '../file-tree.ts';
import { readFile } from '../files/read-file.ts';
import type { Owner } from './destination.ts';

export type Style = 'classic' | 'buildkit';

/** Longer account files are somebody's attempt at something. */
const MAX_ACCOUNT_BYTES = 4 << 20;

/** Whether the owner is said in numbers alone, so that no account file is looked into. */
export function isNumeric(owner: string): boolean {
  return /^\d+(:\d+)?$/.test(owner);
}

/**
 * The owner that "user[:group]" means by the account files of a filesystem. A lone number is the group's too. A lone name has the user's own
 * group, or in the classic style the group of that name. A name that nobody has is root in BuildKit, and fails in the classic style.
 */
export async function resolveOwner(
  context: Context,
  tree: FileTree | undefined,
  text: string,
  style: Style,
): Promise<Owner> {
  const [user = '', group] = text.split(':', 2);
  const number = numberOf(user);
  if (number !== undefined && group === undefined) return { uid: number, gid: number };
  const account = number === undefined ? await find(context, tree, '/etc/passwd', user) : undefined;
  const uid = number ?? numberOf(account?.[2]);
  if (uid === undefined && style === 'classic') throw unknown('uid', user);
  const own = { uid: uid ?? 0, gid: numberOf(account?.[3]) ?? 0 };
  if (group === undefined && style === 'buildkit') return own;
  const name = group ?? user;
  const gid = numberOf(name) ?? numberOf((await find(context, tree, '/etc/group', name))?.[2]);
  if (gid === undefined && style === 'classic') throw unknown('gid', name);
  // As BuildKit has it, a group that nobody has is the user's own.
  return { uid: own.uid, gid: gid ?? own.gid };
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const number = Number(text);
  return number < 2 ** 32 - 1 ? number : undefined;
}

/** The fields of the line with that name. */
async function find(
  context: Context,
  tree: FileTree | undefined,
  path: string,
  name: string,
): Promise<string[] | undefined> {
  const bytes = tree === undefined ? undefined : await readFile(context, tree, path, MAX_ACCOUNT_BYTES);
  const lines = bytes?.toString('latin1').split('\n') ?? [];
  const wanted = fromText(name);
  return lines.map((line) => line.split(':')).find(([found]) => found === wanted);
}

function unknown(what: 'uid' | 'gid', name: string): Error {
  const kind = what === 'uid' ? 'user' : 'group';
  return invalid(
    `unable to convert uid/gid chown string to host mapping: can't find ${what} for ${kind} ${name}: no such ${kind}: ${name}`,
  );
}
