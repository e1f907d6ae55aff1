import { createHash } from 'node:crypto';
import { GitServer } from '../../../src/build/sources/testing/git-server.ts';

/**
 * What ADD takes from elsewhere: files below /f/, and a repository. It is served beside a daemon, in the network that this one has, always at the
 * same address, which histories keep. As a program it serves until it is killed.
 */
const PORT = 18_923;

export const REMOTE = `http://127.0.0.1:${PORT}`;

const text = 'from the web\n';

/** Of what is served, by hand: the cases name it. */
export const digests = { a: createHash('sha256').update(text).digest('hex') } as const;

/** Of the branch "main" of the repository. */
export const commits = {
  first: '7c5c6ea9a4bc9370d2ad58f2753290cee902ead2',
  head: '6af46d6cac18d3cb517e4b2fee36b4d13c186874',
} as const;

const history = `
  printf one > f; printf '#!/bin/sh' > run; chmod 755 run; mkdir -p d/e; printf deep > d/e/g; ln -s d/e inside
  git add .; git commit -qm 1; git tag -a v1 -m v1
  printf two > f; git commit -qam 2; git checkout -qb other; printf three > f; git commit -qam 3; git checkout -q main`;

/** Starts the server in this process. */
export function serveRemote(): Disposable {
  const archive = Bun.spawnSync([
    'sh',
    '-c',
    'cd "$(mktemp -d)"; echo 1 >a; tar --mtime=@0 --owner=0 --group=0 -c a; rm -r "$PWD"',
  ]);
  const files = new Map<string, Uint8Array>([
    ['/f/a.txt', Buffer.from(text)],
    ['/f/b%20c.txt', Buffer.from('another\n')],
    ['/f/a.tar', archive.stdout],
  ]);
  const server = new GitServer({ port: PORT, files });
  server.repository('repo', history);
  const asked = {
    first: server.ask('repo', 'rev-parse', 'main~1'),
    head: server.ask('repo', 'rev-parse', 'main'),
  };
  if (!Bun.deepEquals(asked, commits)) {
    server[Symbol.dispose]();
    throw new Error(`the repository has other commits than the cases name: ${JSON.stringify(asked)}`);
  }
  return server;
}

if (import.meta.main) {
  serveRemote();
  console.log('ready');
}
