/** Writes down what Debian's dockerd does in the cases, all or those whose names begin so: `bun test/integration/files/record.ts [name]`. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDockerd } from '../../../bench/peers.ts';
import { makeBusyboxRoot, tarOf } from '../../fixtures/busybox-root.ts';
import { cases } from './cases.ts';
import recorded from './outcomes.json';
import { play } from './play.ts';

const [prefix = ''] = process.argv.slice(2);
const known: Readonly<Record<string, readonly string[]>> = recorded;
await using dockerd = await startDockerd();
if (dockerd === undefined) throw new Error('dockerd is not installed');
importBusybox(dockerd.socket);
const { socket } = dockerd;
const entries = Object.entries(cases).map(([name, script]) => {
  const kept = name.startsWith(prefix) ? undefined : known[name];
  return [name, kept ?? play(socket, script)];
});
await Bun.write(
  join(import.meta.dir, 'outcomes.json'),
  `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`,
);

function importBusybox(socket: string): void {
  const root = mkdtempSync(join(tmpdir(), 'files-root-'));
  makeBusyboxRoot(root);
  const { status, stderr } = spawnSync(
    'docker',
    ['-H', `unix://${socket}`, 'import', '--change', 'CMD ["sh"]', '-', 'busybox'],
    { input: tarOf(root), encoding: 'utf8' },
  );
  rmSync(root, { recursive: true });
  if (status !== 0) throw new Error(`docker import failed: ${stderr}`);
}
