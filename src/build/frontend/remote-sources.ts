import { posix } from 'node:path';
import { withoutCredentials } from '../../base/without-credentials.ts';
import { DockerfileError } from '../../dockerfile/errors.ts';
import type { CopyInstruction } from '../../dockerfile/instructions.ts';
import { type GitOperation, makeVertex, type Vertex } from '../definition/vertex.ts';

/** The download or checkout that ADD wants; undefined for a path of the context. */
export function remoteVertex(
  text: string,
  { checksum, keepGitDir }: Pick<CopyInstruction, 'checksum' | 'keepGitDir'>,
  note: Vertex['note'],
): Vertex | undefined {
  const git = parseGitUrl(text);
  if (git !== undefined) {
    const keepGitDirectory = keepGitDir || git.keepGitDirectory;
    const wanted = checksum || git.checksum;
    // A commit that is wanted of no branch in particular is the one that is taken.
    const ref = git.ref || (/^[0-9a-f]{40}$/.test(wanted) ? wanted : '');
    return makeVertex({ ...git, ref, checksum: wanted, keepGitDirectory }, [], note);
  }
  if (!/^https?:\/\//i.test(text)) return undefined;
  if (!URL.canParse(text))
    throw new DockerfileError(`invalid URL ${JSON.stringify(withoutCredentials(text))}`);
  if (checksum !== '' && !/^sha256:[0-9a-f]{64}$/.test(checksum)) {
    throw new DockerfileError(`invalid checksum ${JSON.stringify(checksum)}`);
  }
  const { pathname } = new URL(text);
  const filename = pathname.endsWith('/') ? '__unnamed__' : decodeName(posix.basename(pathname));
  return makeVertex({ kind: 'http', url: text, filename, checksum }, [], note);
}

/** A name in a URL may be escaped, and must not be a path when it no longer is. */
function decodeName(name: string): string {
  try {
    return posix.basename(decodeURIComponent(name)) || '__unnamed__';
  } catch {
    return name;
  }
}

const names = { ref: '', tag: '', branch: '', subdir: '', commit: '', checksum: '', 'keep-git-dir': '' };

/**
 * A Git repository's URL as Docker takes it: "git@…", "git://…", "ssh://…", "https://….git", with "#ref:subdirectory" or a query.
 * Undefined for what is none.
 */
export function parseGitUrl(text: string): GitOperation | undefined {
  const hash = text.indexOf('#');
  const [whole = '', fragment = ''] = hash < 0 ? [text] : [text.slice(0, hash), text.slice(hash + 1)];
  const question = whole.indexOf('?');
  const address = question < 0 ? whole : whole.slice(0, question);
  const isGit =
    /^(?:git|ssh):\/\/[^-]/.test(address) ||
    /^[a-zA-Z0-9_][\w.-]*@[a-zA-Z0-9][\w.-]*:[^:]/.test(address) ||
    (/^https?:\/\//.test(address) && address.endsWith('.git'));
  if (!isGit) return undefined;
  const query = {
    ...names,
    ...Object.fromEntries(new URLSearchParams(question < 0 ? '' : whole.slice(question + 1))),
  };
  const [fragmentRef = '', directory = ''] = fragment.split(':');
  return checkedGit({
    kind: 'git',
    url: address,
    ref: fragmentRef || query.ref || query.tag || query.branch || query.commit,
    subdirectory: directory || query.subdir,
    checksum: query.checksum || query.commit,
    keepGitDirectory: query['keep-git-dir'] === 'true' || query['keep-git-dir'] === '1',
  });
}

/** What would be an option of git's, or lead out of the repository, is refused. */
function checkedGit(operation: GitOperation): GitOperation {
  const { url, ref, subdirectory } = operation;
  const subdirectories = subdirectory.split('/').filter((name) => name !== '' && name !== '.');
  if (url.startsWith('-') || /[\s\0]/.test(url))
    throw new DockerfileError(`invalid Git URL ${JSON.stringify(withoutCredentials(url))}`);
  if (ref.startsWith('-') || /[\s\0~^:?*[\\]|\.\./.test(ref)) {
    throw new DockerfileError(`invalid Git ref ${JSON.stringify(ref)}`);
  }
  if (subdirectories.includes('..')) {
    throw new DockerfileError(`invalid Git subdirectory ${JSON.stringify(subdirectory)}`);
  }
  return { ...operation, subdirectory: subdirectories.join('/') };
}
