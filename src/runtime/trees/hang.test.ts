import { expect, test } from 'bun:test';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../base/log.ts';
import { context, rejection, TreesFixture } from './testing/fixture.ts';

const binary = process.env['SAMPAN_LAUNCHER'] ?? join(import.meta.dir, '../../../build/sampan-launcher');

/** Serves a filesystem until it is mounted, and then answers nothing. */
const silent = `
import ctypes, os, struct, sys, threading
fuse = os.open('/dev/fuse', os.O_RDWR)
def begin():
    request = b''
    while not request:
        try: request = os.read(fuse, 1 << 20)
        except PermissionError: pass  # not mounted yet
    unique, = struct.unpack_from('=Q', request, 8)
    reply = struct.pack('=IIIIHHIIHHI7I', 7, 31, 65536, 0, 12, 9, 65536, 1, 16, 0, 0, *[0] * 7)
    os.write(fuse, struct.pack('=IiQ', 16 + len(reply), 0, unique) + reply)
    print('mounted', flush=True)
threading.Thread(target=begin).start()
options = f'fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other'.encode()
if ctypes.CDLL(None).mount(b'x', sys.argv[1].encode(), b'fuse', 0, options) != 0: sys.exit(1)
sys.stdin.read()
`;

/** Processes that hold the launcher's own name and socket, the resident one apart. */
function sessions(socket: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const parent = status.slice(status.lastIndexOf(')') + 2).split(' ')[1];
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(socket) && Number(parent) !== process.pid;
    } catch {
      return false;
    }
  });
}

test('a session that hangs in a filesystem that nobody serves is killed when its operation is given up', async () => {
  await using fixture = await TreesFixture.open(binary);
  const target = fixture.inside('silent');
  mkdirSync(target);
  const server = spawn('python3', ['-c', silent, target], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await once(server.stdout, 'data');
    await using tree = await fixture.tree();
    const aborted = new AbortController();
    const asking = tree.stat({ signal: aborted.signal, log: silentLogger }, '/silent/file', true);
    expect(await Promise.race([asking, Bun.sleep(50).then(() => 'waits')])).toBe('waits');
    expect(sessions(fixture.socket).length).toBe(2);
    aborted.abort(new Error('enough'));
    expect(String(await rejection(asking))).toContain('enough');
    while (sessions(fixture.socket).length > 0) await Bun.sleep(1);
    await using other = await fixture.tree();
    expect(await other.stat(context, '/', true)).toMatchObject({ type: 'directory' });
  } finally {
    spawnSync('umount', ['-l', target]);
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
});
