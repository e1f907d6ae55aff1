import type { BuildCases } from '../case.ts';

const files = {
  'd/a.txt': '1',
  'd/sub/b.txt': '22',
  'd/sub/deep/c.txt': '333',
  'd/sub/e': '4444',
  f: 'file',
} as const;

/** Syntax that dockerd's front end does not know yet: what is expected is written by hand, after the documentation. */
export const newerCases: BuildCases = {
  '--parents keeps directories': {
    dockerfile: 'FROM busybox\nCOPY --parents d/sub/b.txt f /x/\n',
    files,
    only: 'buildkit',
  },
  '--parents keeps what is behind the pivot': {
    dockerfile: 'FROM busybox\nCOPY --parents d/./sub/deep/c.txt ./d/sub/./e /x/\n',
    files,
    only: 'buildkit',
  },
  '--parents with stars': {
    dockerfile: 'FROM busybox\nCOPY --parents d/*.txt d/*/*.txt /x/\n',
    files,
    only: 'buildkit',
  },
  '--parents with stars of any depth': {
    dockerfile: 'FROM busybox\nCOPY --parents **/*.txt /x/\n',
    files,
    only: 'buildkit',
  },
  '--parents with --exclude': {
    dockerfile: 'FROM busybox\nCOPY --parents --exclude=**/deep **/*.txt /x/\n',
    files,
    only: 'buildkit',
  },
  '--parents of a directory': {
    dockerfile: 'FROM busybox\nCOPY --parents d/sub /x/\n',
    files,
    only: 'buildkit',
  },
  '--parents from a stage': {
    dockerfile:
      'FROM busybox AS one\nRUN mkdir -p -m 750 /p/q && echo 1 >/p/q/r && chown 5:6 /p/q/r\nFROM busybox\nCOPY --parents --from=one /p/q/r /x/\n',
    only: 'buildkit',
  },
  'ADD has no --parents': {
    dockerfile: 'FROM busybox\nADD --parents f /x/\n',
    files,
    only: 'buildkit',
  },
};
