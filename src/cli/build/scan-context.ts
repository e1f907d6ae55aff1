import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { followLinks, scopeRules } from './context-scope.ts';
import { DirectoryLister, type ListingLimit } from './directory-lister.ts';
import { type ContextFiles, openContext } from './walk-context.ts';

/** How often links may lead to further links. */
const MAX_ROUNDS = 40;

const everything: ListingLimit = { entries: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

/** What there is in a context, without its content. Throws CommandError. */
export function scanContext(files: ContextFiles, limit = everything): DirectoryLister {
  const lister = new DirectoryLister(files, limit);
  lister.listAll(openContext(files));
  return lister;
}

/** What there is of what is needed (patterns; undefined for everything), links followed; the files with that scope. Throws CommandError. */
export function scanScope(
  files: ContextFiles,
  paths: readonly string[] | undefined,
): { readonly files: ContextFiles; readonly scanned: DirectoryLister } {
  let patterns = paths;
  for (let round = 0; patterns !== undefined && round < MAX_ROUNDS; round++) {
    const scoped: ContextFiles = { ...files, scope: scopeRules(patterns) };
    const scanned = scanContext(scoped);
    const followed = followLinks(patterns, scanned.links);
    if (followed?.length === patterns.length) return { files: scoped, scanned };
    patterns = followed;
  }
  return { files, scanned: scanContext(files) };
}

/** What a context is known by from build to build: this machine's directory. */
export function contextKey(directory: string): string {
  const { dev, ino } = statSync(directory, { bigint: true });
  return createHash('sha256').update([machineId(), directory, dev, ino].join('\0')).digest('hex');
}

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return '';
  }
}
