import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';

/** Files that cases copy, and the folder that they copy to. */

const TIME = 1_748_606_834;

function makeFile(path: string, text: string, mode = 0o640): void {
  writeFileSync(path, text);
  chmodSync(path, mode);
}

export function makeInput(dir: string): void {
  mkdirSync(`${dir}/tree/sub`, { recursive: true });
  makeFile(`${dir}/file`, 'content');
  makeFile(`${dir}/a:b`, 'with a colon');
  makeFile(`${dir}/tree/file`, 'first', 0o4755);
  makeFile(`${dir}/tree/sub/other`, 'second');
  makeFile(`${dir}/tree/tree`, 'a file of the same name');
  linkSync(`${dir}/tree/file`, `${dir}/tree/hard`);
  symlinkSync('../file', `${dir}/tree/soft`);
  symlinkSync('file', `${dir}/link`);
  symlinkSync('tree', `${dir}/treelink`);
  symlinkSync('nowhere', `${dir}/dangling`);
  chownSync(`${dir}/file`, 1000, 1001);
  settle(dir);
}

/** One time for all, the directories' after their content's. */
export function settle(path: string): void {
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) settle(`${path}/${name}`);
  lutimesSync(path, TIME, TIME);
}

export function makeOutput(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(`${dir}/dir`, { recursive: true });
  makeFile(`${dir}/existing`, 'from before', 0o600);
  makeFile(`${dir}/dir/kept`, 'from before', 0o600);
  symlinkSync('existing', `${dir}/linktofile`);
  symlinkSync('dir', `${dir}/linktodir`);
  symlinkSync('made', `${dir}/dangling`);
}

/** All below a folder, one text each. */
export function treeOf(dir: string, below = ''): readonly string[] {
  return readdirSync(`${dir}/${below}`)
    .sort()
    .flatMap((name) => {
      const path = `${below}${name}`;
      const stat = lstatSync(`${dir}/${path}`);
      if (stat.isSymbolicLink()) return [`${path} -> ${readlinkSync(`${dir}/${path}`)}`];
      const owner = `${stat.uid}:${stat.gid} ${(stat.mode & 0o7777).toString(8)}`;
      if (stat.isDirectory()) return [`${path}/ ${owner}`, ...treeOf(dir, `${path}/`)];
      const time = stat.mtimeMs === TIME * 1000 ? ' time kept' : '';
      return [
        `${path} ${owner} links ${stat.nlink}${time} ${JSON.stringify(readFileSync(`${dir}/${path}`, 'utf8'))}`,
      ];
    });
}
