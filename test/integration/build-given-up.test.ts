import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BuildDirectory, dockerBuild } from '../fixtures/build-context.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
});

/** A build whose step has begun to sleep. */
async function sleeping(query: string): Promise<{ readonly rest: Promise<string> }> {
  using directory = new BuildDirectory({ Dockerfile: 'FROM busybox\nRUN echo asleep; touch /x; sleep 1000' });
  const init = { method: 'POST', unix: daemon.socket, body: directory.tar };
  const answer = await fetch(`http://d/build?${query}`, init);
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (reader !== undefined && !text.includes('asleep"') && !text.includes('asleep\\n"'))
    text += (await reader.read()).value ?? '';
  const rest = async (): Promise<string> => {
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read())
      text += part.value;
    return text;
  };
  // A daemon that is killed breaks off.
  return { rest: rest().catch(() => text) };
}

/** Snapshots that are no container's. */
function snapshots(): string[] {
  return readdirSync(join(daemon.home, 'data/snapshots/snapshots'));
}

describe('a build that is given up', () => {
  test('by its ID stops at once and leaves nothing', async () => {
    const before = snapshots();
    const { rest } = await sleeping('buildid=mine');
    expect((await daemon.request('POST', '/build/cancel?id=mine')).status).toBe(200);
    expect(await rest).toContain('"error":"context canceled"');
    expect(snapshots()).toEqual(before);
    expect((await daemon.request('POST', '/build/cancel')).status).toBe(400);
  });

  test('by its client stops at once and leaves nothing', async () => {
    const before = snapshots();
    using directory = new BuildDirectory({ Dockerfile: 'FROM busybox\nRUN echo asleep; sleep 1000' });
    const child = spawn('docker', ['build', directory.path], {
      env: { ...process.env, DOCKER_BUILDKIT: '0', DOCKER_HOST: `unix://${daemon.socket}` },
    });
    let printed = '';
    for await (const bytes of child.stdout) {
      printed += bytes;
      if (printed.includes('\nasleep\n')) break;
    }
    child.kill('SIGINT');
    for (let tries = 0; snapshots().length > before.length && tries < 500; tries++) await Bun.sleep(10);
    expect(snapshots()).toEqual(before);
  });

  test('by a killed daemon leaves nothing once the next one is there', async () => {
    const before = snapshots();
    const { rest } = await sleeping('');
    await daemon.stopProcess('SIGKILL');
    await rest;
    await daemon.startProcess();
    expect(snapshots()).toEqual(before);
    expect((await daemon.request('GET', '/containers/json?all=1')).body).toEqual([]);
    dockerBuild(daemon, { Dockerfile: 'FROM busybox\nRUN echo again > /x' }, '-t', 'again');
    expect(daemon.sampan('run', '--rm', 'again', 'cat', '/x')).toBe('again');
  });
});
