import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { settle } from './file-trees.ts';

/** Folders that cases build from. */

const files: Readonly<Record<string, string>> = {
  'plain/Dockerfile': 'FROM busybox\nCOPY . /\n',
  'plain/a': 'first',
  'plain/sub/b': 'second',
  'plain/sub/Other': 'FROM busybox\n',
  'plain/.hidden': 'third',
  'lower/dockerfile': 'FROM busybox\n',
  'none/a': 'first',
  'outwards/a': 'first',
  'ignoring/Dockerfile': 'FROM busybox\n',
  'ignoring/.dockerignore':
    '# build files too\nDockerfile\n.dockerignore\n*.log\n**/tmp\n!sub/tmp/kept\nempty/*\n/a\n',
  'ignoring/a': 'first',
  'ignoring/b.log': 'second',
  'ignoring/sub/a': 'third',
  'ignoring/sub/c.log': 'fourth',
  'ignoring/sub/tmp/kept': 'fifth',
  'ignoring/sub/tmp/x': 'sixth',
  'ignoring/empty/x': 'seventh',
  'ignoring-all/Dockerfile': 'FROM busybox\n',
  'ignoring-all/.dockerignore': '*\n',
  'ignoring-all/a': 'first',
  'ignoring-all/sub/b': 'second',
  'per-file/Dockerfile': 'FROM busybox\n',
  'per-file/Dockerfile.dockerignore': 'a\n',
  'per-file/.dockerignore': 'b\n',
  'per-file/a': 'first',
  'per-file/b': 'second',
  'badly-ignoring/Dockerfile': 'FROM busybox\n',
  'badly-ignoring/.dockerignore': 'a\n!\n',
  'pipes/Dockerfile': 'FROM busybox\n',
};

export function makeContexts(dir: string): void {
  for (const [path, text] of Object.entries(files)) {
    const file = `${dir}/${path}`;
    mkdirSync(file.slice(0, file.lastIndexOf('/')), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, 0o640);
  }
  chmodSync(`${dir}/plain/a`, 0o4755);
  linkSync(`${dir}/plain/a`, `${dir}/plain/hard`);
  symlinkSync('../none/a', `${dir}/plain/out`);
  symlinkSync('sub', `${dir}/plain/inner`);
  symlinkSync('nothing', `${dir}/plain/dangling`);
  symlinkSync('../plain/Dockerfile', `${dir}/outwards/Dockerfile`);
  symlinkSync('plain', `${dir}/plainlink`);
  Bun.spawnSync(['mkfifo', '-m', '644', `${dir}/pipes/pipe`]);
  settle(dir);
}
