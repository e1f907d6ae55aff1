/** Makes dist/sampan: one executable with daemon, command line and launcher inside. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dir, '..');
const output = join(root, 'dist/sampan');

const { stdout: commit } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], {
  cwd: root,
  encoding: 'utf8',
});
mkdirSync(join(root, 'dist'), { recursive: true });

const { status } = spawnSync(
  process.execPath,
  [
    // Flat, so that the threads' programs are beside the one that starts them, as in the source tree.
    ...[
      'build',
      '--compile',
      '--entry-naming=[name].[ext]',
      '--minify',
      '--bytecode',
      '--format=esm',
      '--target=bun',
      '--sourcemap=linked',
    ],
    `--define=SAMPAN_COMMIT=${JSON.stringify(commit?.trim() || 'unknown')}`,
    `--define=SAMPAN_BUILD_TIME=${JSON.stringify(new Date().toISOString())}`,
    `--outfile=${output}`,
    join(root, 'src/main/sampan.ts'),
    join(root, 'src/snapshots/layer-worker.ts'),
    join(root, 'src/oci/slow-inflate-worker.ts'),
  ],
  { cwd: root, stdio: 'inherit' },
);
process.exit(status ?? 1);
