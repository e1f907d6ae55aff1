import { afterAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildEvent } from '../../wire/build-messages.ts';
import { runCommandLine } from '../command-line.ts';
import type { Io } from '../io.ts';

const home = mkdtempSync(join(tmpdir(), 'build-events-'));
const context = join(home, 'context');
mkdirSync(context);
writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\n');
afterAll(() => rmSync(home, { recursive: true }));

/** Builds on a daemon that answers with these objects. */
async function build(answer: readonly object[], ...flags: string[]) {
  const socket = join(home, `s${Math.random()}`);
  let query: URLSearchParams | undefined;
  const server = Bun.serve({
    unix: socket,
    async fetch(request) {
      const url = new URL(request.url);
      if (url.pathname === '/_ping') return new Response('OK', { headers: { 'Api-Version': '1.51' } });
      query = url.searchParams;
      await request.arrayBuffer();
      return new Response(answer.map((one) => `${JSON.stringify(one)}\r\n`).join(''));
    },
  });
  const seen = { stdout: '', stderr: '' };
  const io: Io = {
    environment: { DOCKER_HOST: `unix://${socket}`, HOME: home },
    out: (text) => {
      seen.stdout += text;
    },
    err: (text) => {
      seen.stderr += text;
    },
    outBytes: async () => {},
    errBytes: async () => {},
    ...{ stdinIsTerminal: false, stdoutIsTerminal: false, terminalSize: () => undefined },
    rawMode: () => () => {},
    async *stdin() {},
    onSignals: () => () => {},
  };
  const status = await runCommandLine(['build', ...flags, context], io);
  await server.stop(true);
  return { status, ...seen, query };
}

const id = `sha256:${'ab'.repeat(32)}`;
const made: BuildEvent = { aux: { ID: id } };
const warning: BuildEvent = {
  warning: {
    rule: 'R',
    description: '',
    url: '',
    detail: 'Do not.',
    lines: { first: 1, last: 1 },
    excerpt: '',
  },
};

describe('a build in events', () => {
  test('is asked for as such, and tells its image', async () => {
    const { status, stdout, stderr, query } = await build([made], '-t', 'a', '--no-cache-filter', 'x,y');
    expect([status, stdout]).toEqual([0, '']);
    expect(stderr).toContain(`writing image ${id} done\n#2 naming to docker.io/library/a:latest done\n`);
    expect(Object.fromEntries(query ?? [])).toEqual({
      ...{ version: '1', t: 'a', dockerfile: 'Dockerfile', progress: 'events' },
      buildid: expect.stringMatching(/^[0-9a-f]{32}$/),
      nocachefilter: '["x","y"]',
    });
  });

  test('whose stream just ends has not succeeded', async () => {
    const { status, stderr } = await build([], '-q');
    expect([status, stderr]).toEqual([1, 'the daemon ended the build without a result\n']);
  });

  test('that fails says why, with the warnings that came before', async () => {
    const failure = { message: 'no', code: 0, digest: '', lines: null, excerpt: 'Dockerfile:1\n' };
    const { status, stderr } = await build([warning, { failure }]);
    expect(status).toBe(1);
    expect(stderr).toEndWith(
      ' - R: Do not. (line 1)\nDockerfile:1\nERROR: failed to build: failed to solve: no\n',
    );
  });

  test('is only checked when that is wanted', async () => {
    const said = { answer: { json: '{}', text: '\nWARNING: R\nDo not.\n', status: 1 } };
    const { status, stdout, query } = await build([said], '--check');
    expect([status, query?.get('call')]).toEqual([1, 'lint']);
    expect(stdout).toBe('Check complete, 1 warning has been found!\n\nWARNING: R\nDo not.\n');
    expect(await build([said], '--call', 'check,format=json')).toMatchObject({ status: 1, stdout: '{}\n' });
    const nothing = { answer: { json: '{}', text: '', status: 0 } };
    expect(await build([nothing], '--call', 'check')).toMatchObject({
      status: 0,
      stdout: 'Check complete, no warnings found.\n',
    });
  });

  test('is shown as text of a daemon that knows no events', async () => {
    const text = [
      { stream: 'Step 1/1 : FROM busybox\n' },
      { aux: { ID: id } },
      { stream: 'Successfully built abab\n' },
    ];
    expect(await build(text)).toMatchObject({
      status: 0,
      stdout: 'Step 1/1 : FROM busybox\nSuccessfully built abab\n',
    });
    const failed = [
      { stream: 'Step 1/1\n' },
      { errorDetail: { code: 4, message: 'it broke' }, error: 'it broke' },
    ];
    expect(await build(failed)).toMatchObject({ status: 4, stdout: 'Step 1/1\n' });
  });
});
