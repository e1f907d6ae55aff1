import type { Context } from '../../base/context.ts';
import { conflict } from '../../base/errors.ts';
import { toText } from '../../oci/tar/entry.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { TreePart } from '../../runtime/trees/contract.ts';
import { checkName, type Destination, type Owner } from './destination.ts';
import type { ModeChange } from './mode.ts';
import type { Selection } from './selection.ts';

/** How a copy changes what it copies. */
export interface CopyChanges {
  /** Everything becomes theirs. */
  readonly owner: Owner | undefined;
  readonly mode: ModeChange | undefined;
  /** Whether what is below a directory replaces what is in its way, as the classic builder has it. */
  readonly replaces: boolean;
}

/**
 * The members that a copy of a selection to a path adds to a layer, as BuildKit copies: of a directory its content, into a directory that is
 * there an object under its own name. Names are absolute. Fails with `conflict` where a directory meets something else.
 */
export async function* copyParts(
  context: Context,
  destination: Destination,
  selection: Selection,
  path: string,
  changes: CopyChanges,
): AsyncGenerator<TreePart, void, void> {
  const top = await targetOf(destination, selection, path);
  const isDirectoryItself = selection.isDirectory && selection.under === '';
  if (isDirectoryItself) checkKinds(top, 'directory', await destination.kindOf(top));
  yield* await destination.directories(isDirectoryItself ? top : parentOf(top));
  for (const parent of selection.parents) yield* await keptParent(destination, parent, path, changes);
  destination.within(top);
  for await (const part of selection.tree.read(context, selection.real, selection.wanted)) {
    if (part instanceof Uint8Array) {
      yield part;
      continue;
    }
    if (part.name === '.' && isDirectoryItself) continue;
    const header = changed(part, top, changes);
    const was = destination.kindOf(header.name);
    const kind = header.type === 'directory' ? 'directory' : 'other';
    const there = was instanceof Promise ? await was : was;
    if (!changes.replaces || part.name === '.') checkKinds(header.name, kind, there);
    checkName(header.name);
    destination.wrote(header.name, kind, there);
    yield header;
  }
}

/** What the selection's own name becomes: links followed, parents made by whoever writes. */
async function targetOf(destination: Destination, selection: Selection, path: string): Promise<string> {
  const isDirectory = path.endsWith('/');
  const whole = await destination.resolve(isDirectory && path !== '/' ? path.slice(0, -1) : path);
  if (selection.under !== '') return below(whole, selection.under);
  if (selection.isDirectory) return whole;
  const goesInto = isDirectory || (await destination.kindOf(whole)) === 'directory';
  return goesInto ? below(whole, selection.name) : whole;
}

/** A directory on the way: as it is in the source, but one that is there keeps its owner. */
async function keptParent(
  destination: Destination,
  parent: TarHeader,
  path: string,
  changes: CopyChanges,
): Promise<readonly TarHeader[]> {
  const top = await destination.resolve(path !== '/' && path.endsWith('/') ? path.slice(0, -1) : path);
  const header = changed(parent, top, changes);
  const above = await destination.directories(parentOf(header.name));
  const kind = await destination.kindOf(header.name);
  checkKinds(header.name, 'directory', kind);
  const existing = kind === undefined ? undefined : await destination.existing(header.name);
  destination.wrote(header.name, 'directory', kind);
  return [...above, existing === undefined ? header : { ...existing, mode: header.mode ?? 0o755 }];
}

function changed(header: TarHeader, top: string, { owner, mode }: CopyChanges): TarHeader {
  const name = below(top, header.name);
  const linkName = header.type === 'hardlink' ? below(top, header.linkName ?? '') : (header.linkName ?? '');
  const isDirectory = header.type === 'directory';
  const changedMode =
    mode === undefined || header.type === 'symlink' ? header.mode : mode(header.mode ?? 0, isDirectory);
  return { ...header, name, linkName, mode: changedMode ?? 0, ...owner };
}

function checkKinds(
  path: string,
  kind: 'directory' | 'other',
  there: 'directory' | 'other' | undefined,
): void {
  if (there === undefined || (kind === there && kind === 'directory')) return;
  if (kind === 'directory') throw conflict(`cannot copy to non-directory: ${toText(path)}`);
  if (there === 'directory') throw conflict(`cannot replace to directory ${toText(path)} with file`);
}

function below(top: string, name: string): string {
  if (name === '.') return top;
  return top === '/' ? `/${name}` : `${top}/${name}`;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
