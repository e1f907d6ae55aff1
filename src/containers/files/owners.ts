import type { Context } from '../../base/context.ts';
import { internal } from '../../base/errors.ts';
import { fromText } from '../../oci/tar/entry.ts';
import type { Tree } from '../../runtime/trees/contract.ts';
import { isHeader } from './tree-parts.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Longer account files are somebody's attempt at something. */
const MAX_ACCOUNT_BYTES = 4 << 20;

/** The owner that a container's `User` ("name", "uid", "name:group", …) means by the container's own account files. */
export async function resolveOwner(context: Context, tree: Tree, user: string): Promise<Owner> {
  const [name = '', group] = fromText(user).split(':', 2);
  const account = await findAccount(context, tree, '/etc/passwd', name);
  const uid = numberOf(name) ?? numberOf(account?.[2]);
  if (uid === undefined) throw internal(`unable to find user ${user}: no matching entries in passwd file`);
  if (group === undefined || group === '') return { uid, gid: numberOf(account?.[3]) ?? 0 };
  const gid = numberOf(group) ?? numberOf((await findAccount(context, tree, '/etc/group', group))?.[2]);
  if (gid === undefined) throw internal(`unable to find group ${group}: no matching entries in group file`);
  return { uid, gid };
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** The fields of a line of a passwd or group file, by name or number. */
async function findAccount(
  context: Context,
  tree: Tree,
  path: string,
  name: string,
): Promise<string[] | undefined> {
  const stat = await tree.stat(context, path, true);
  if (stat?.type !== 'file') return undefined;
  if (stat.size > MAX_ACCOUNT_BYTES) throw internal(`${path} of the container is too large`);
  const chunks: Uint8Array[] = [];
  const options = { data: true, xattrs: [], crossMounts: true };
  for await (const part of tree.read(context, stat.path, options)) if (!isHeader(part)) chunks.push(part);
  const lines = Buffer.concat(chunks).toString('latin1').split('\n');
  const accounts = lines.map((line) => line.split(':'));
  return accounts.find(([found]) => found === name) ?? accounts.find(([, , number]) => number === name);
}
