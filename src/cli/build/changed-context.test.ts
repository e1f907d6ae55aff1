import { afterAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../client/client.ts';
import { readTar } from '../../oci/tar/archive.ts';
import { changedContext } from './changed-context.ts';

const home = mkdtempSync(join(tmpdir(), 'changed-context-'));
const directory = join(home, 'context');
mkdirSync(directory);
afterAll(() => rmSync(home, { recursive: true }));

const files = { directory, rules: undefined, always: new Set<string>(), rewritten: new Map() };
const added = new Map([['.dockerfile', Buffer.from('FROM scratch')]]);
const silent = { onSocket: () => {} };

/** A daemon that compares as `answer` says; what it was asked. */
function daemon(answer: (lines: readonly unknown[][]) => Response) {
  const socket = join(home, `s${Math.random()}`);
  const keys: (string | null)[] = [];
  const server = Bun.serve({
    unix: socket,
    async fetch(request) {
      const url = new URL(request.url);
      if (url.pathname === '/_ping') return new Response('OK', { headers: { 'Api-Version': '1.51' } });
      if (url.pathname !== '/v1.51/build/contexts/compare') return new Response('', { status: 418 });
      keys.push(url.searchParams.get('key'));
      const lines = (await request.text()).trim().split('\n');
      return answer(lines.map((line) => JSON.parse(line)));
    },
  });
  return { client: connect({ host: `unix://${socket}` }), keys, stop: () => server.stop(true) };
}

test('of a large context only the files go that the daemon wants', async () => {
  for (let index = 0; index < 1200; index++) writeFileSync(join(directory, `f${index}`), `text ${index}`);
  const { client, keys, stop } = daemon((lines) => {
    const wanted = lines.flatMap(([, path], index) =>
      path === 'f7' || path === '.dockerfile' ? [index] : [],
    );
    return Response.json({ ID: 'an-id', Wanted: wanted });
  });
  const changed = await changedContext(client, { ...files, added }, silent);
  if (changed === undefined) throw new Error('the daemon was not asked');
  expect(changed.id).toBe('an-id');
  const seen: string[] = [];
  for await (const { entry, text } of readTar(changed.body)) seen.push(`${entry.name}: ${await text(20)}`);
  expect(seen).toEqual(['f7: text 7', '.dockerfile: FROM scratch']);
  await changedContext(client, { ...files, added }, silent);
  expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
  expect(keys[1]).toBe(keys[0] ?? '');
  client.close();
  await stop();
});

test('a daemon that compares nothing gets all, as one does for a small context', async () => {
  const { client, keys, stop } = daemon(() => Response.json({ message: 'page not found' }, { status: 404 }));
  expect(await changedContext(client, { ...files, added }, silent)).toBeUndefined();
  rmSync(directory, { recursive: true });
  mkdirSync(directory);
  expect(await changedContext(client, { ...files, added }, silent)).toBeUndefined();
  expect(keys).toHaveLength(1);
  client.close();
  await stop();
});
