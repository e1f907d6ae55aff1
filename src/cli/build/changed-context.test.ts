import { afterAll, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../client/client.ts';
import { readTar } from '../../oci/tar/archive.ts';
import type { ContextListing } from '../../wire/build-messages.ts';
import { changedContext } from './changed-context.ts';

const home = mkdtempSync(join(tmpdir(), 'changed-context-'));
const directory = join(home, 'context');
mkdirSync(directory);
afterAll(() => rmSync(home, { recursive: true }));

const files = { directory, rules: undefined, always: new Set<string>(), rewritten: new Map() };
const odd = Buffer.from('\u00e9"').toString('latin1');
const added = new Map([['.dockerfile', Buffer.from('FROM scratch')]]);
const silent = { onSocket: () => {}, paths: async () => undefined };

/** A daemon that knows no listing and wants what `wants` says; what it was asked. */
function daemon(wants: (path: string) => boolean, status = 200) {
  const socket = join(home, `s${Math.random()}`);
  const keys: (string | null)[] = [];
  let ids = '';
  const server = Bun.serve({
    unix: socket,
    async fetch(request) {
      const url = new URL(request.url);
      if (url.pathname === '/_ping') return new Response('OK', { headers: { 'Api-Version': '1.51' } });
      const body = Buffer.from(await request.arrayBuffer());
      if (url.pathname === '/v1.51/build/contexts/compare') {
        keys.push(url.searchParams.get('key'));
        ids = body.toString('hex');
        return Response.json(
          { ID: 'an-id', Unknown: Array.from({ length: ids.length / 64 }, (_, i) => i) },
          { status },
        );
      }
      if (url.pathname !== '/v1.51/build/contexts/list') return new Response('', { status: 418 });
      expect(url.searchParams.get('context')).toBe('an-id');
      const lines = body.toString().trim().split('\n');
      expect(lines.map((line) => createHash('sha256').update(line).digest('hex')).join('')).toBe(ids);
      const paths = lines.flatMap((line) => {
        const [directory, , , ...entries]: ContextListing = JSON.parse(line);
        return entries.map(([name]) => (directory === '' ? name : `${directory}/${name}`));
      });
      return Response.json({ Wanted: paths.flatMap((path, index) => (wants(path) ? [index] : [])) });
    },
  });
  return { client: connect({ host: `unix://${socket}` }), keys, stop: () => server.stop(true) };
}

test('of a large context only the files go that the daemon wants', async () => {
  for (let index = 0; index < 1200; index++) writeFileSync(join(directory, `f${index}`), `text ${index}`);
  mkdirSync(join(directory, 'd/e'), { recursive: true });
  writeFileSync(join(directory, 'd/e/\u00e9"'), 'odd');
  const wanted = ['f7', '.dockerfile', `d/e/${odd}`];
  const { client, keys, stop } = daemon((path) => wanted.includes(path));
  const changed = await changedContext({ client, files: { ...files, added }, ...silent });
  if (changed === undefined) throw new Error('the daemon was not asked');
  expect(changed.id).toBe('an-id');
  const seen: string[] = [];
  for await (const { entry, text } of readTar(changed.body)) seen.push(`${entry.name}: ${await text(20)}`);
  expect(seen).toEqual([`${wanted[2]}: odd`, 'f7: text 7', '.dockerfile: FROM scratch']);
  await changedContext({ client, files: { ...files, added }, ...silent });
  expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
  expect(keys[1]).toBe(keys[0] ?? '');
  client.close();
  await stop();
});

test('of a large context of which little is needed that alone goes', async () => {
  const { client, keys, stop } = daemon(() => false);
  const paths = async (): Promise<string[]> => ['d', 'f1?'];
  const changed = await changedContext({ client, files: { ...files, added }, ...silent, paths });
  if (changed === undefined) throw new Error('everything is sent');
  expect(changed.id).toBeUndefined();
  const seen: string[] = [];
  for await (const { entry } of readTar(changed.body)) seen.push(entry.name);
  const tens = Array.from({ length: 10 }, (_, index) => `f1${index}`);
  expect(seen).toEqual(['d/', 'd/e/', `d/e/${odd}`, ...tens, '.dockerfile']);
  expect(keys).toEqual([]);
  client.close();
  await stop();
});

test('a daemon that compares nothing gets all, as one does for a small context', async () => {
  const { client, keys, stop } = daemon(() => false, 404);
  expect(await changedContext({ client, files: { ...files, added }, ...silent })).toBeUndefined();
  rmSync(directory, { recursive: true });
  mkdirSync(directory);
  expect(await changedContext({ client, files: { ...files, added }, ...silent })).toBeUndefined();
  expect(keys).toHaveLength(1);
  client.close();
  await stop();
});
