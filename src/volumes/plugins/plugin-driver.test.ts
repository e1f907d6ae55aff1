import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../../base/context.ts';
import { PluginDrivers } from './plugin-drivers.ts';

const context = background();
type Answer = (body: Record<string, unknown>, response: ServerResponse) => unknown;

/** A volume plugin as small as the protocol allows. */
class TestPlugin implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'sampan-plugins-'));
  readonly calls: string[] = [];
  answers: Record<string, Answer> = {
    'Plugin.Activate': () => ({ Implements: ['VolumeDriver'] }),
    'VolumeDriver.Capabilities': () => ({ Capabilities: { Scope: 'global' } }),
    'VolumeDriver.Create': () => ({}),
    'VolumeDriver.Path': () => ({ Mountpoint: '/mnt/path' }),
    'VolumeDriver.Mount': ({ Name }) => ({ Mountpoint: `/mnt/${Name}` }),
    'VolumeDriver.Unmount': () => ({ Err: '' }),
    'VolumeDriver.Remove': () => ({}),
    'VolumeDriver.Get': ({ Name }) => ({ Volume: { Name, Status: { healthy: true } } }),
    'VolumeDriver.List': () => ({ Volumes: [{ Name: 'a', Mountpoint: '/mnt/a' }] }),
  };
  readonly #server: Server = createServer((request, response) => void this.#serve(request, response));

  static async start(): Promise<TestPlugin> {
    const plugin = new TestPlugin();
    const socket = join(plugin.directory, 'tester.sock');
    await new Promise<void>((resolve) => plugin.#server.listen(socket, resolve));
    return plugin;
  }

  drivers(seconds = 5): PluginDrivers {
    return new PluginDrivers([this.directory], { short: seconds, long: seconds });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const method = (request.url ?? '').slice(1);
    const body = Buffer.concat(chunks).toString();
    this.calls.push(`${method} ${body}`);
    const answer = this.answers[method]?.(JSON.parse(body), response);
    if (answer !== undefined) response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  }
}

let plugin: TestPlugin;

beforeEach(async () => {
  plugin = await TestPlugin.start();
});
afterEach(() => plugin[Symbol.asyncDispose]());

const attachment = { name: 'v', options: {}, user: 'c1', alone: true };

describe('a volume plugin', () => {
  test('is activated once and asked in its protocol', async () => {
    const drivers = plugin.drivers();
    const [driver] = await Promise.all([drivers.find(context, 'tester'), drivers.find(context, 'tester')]);
    expect([driver.name, driver.scope]).toEqual(['tester', 'global']);
    expect(await driver.create(context, 'v', { a: 'b' }, {})).toBe('/mnt/path');
    expect(await driver.attach(context, attachment)).toBe('/mnt/v');
    await driver.detach(context, attachment);
    expect(await driver.status(context, 'v')).toEqual({ healthy: true });
    expect(await driver.list(context)).toEqual([{ name: 'a', mountpoint: '/mnt/a' }]);
    await driver.remove(context, 'v');
    expect(plugin.calls).toEqual([
      'Plugin.Activate {}',
      'VolumeDriver.Capabilities {}',
      'VolumeDriver.Create {"Name":"v","Opts":{"a":"b"}}',
      'VolumeDriver.Path {"Name":"v"}',
      'VolumeDriver.Mount {"Name":"v","ID":"c1"}',
      'VolumeDriver.Unmount {"Name":"v","ID":"c1"}',
      'VolumeDriver.Get {"Name":"v"}',
      'VolumeDriver.List {}',
      'VolumeDriver.Remove {"Name":"v"}',
    ]);
  });

  test('is found through files that tell where it listens', async () => {
    const address = `unix://${join(plugin.directory, 'tester.sock')}`;
    writeFileSync(join(plugin.directory, 'spec.spec'), `${address}\n`);
    mkdirSync(join(plugin.directory, 'nested'));
    writeFileSync(join(plugin.directory, 'nested/nested.json'), JSON.stringify({ Name: 'x', Addr: address }));
    for (const name of ['spec', 'nested']) {
      expect((await plugin.drivers().find(context, name)).name).toBe(name);
    }
  });

  test.each(['nosuch', '../tester', 'a/b', '', '.', 'x'.repeat(300)])(
    'of the name %p is not found',
    async (name) => {
      await expect(plugin.drivers().find(context, name)).rejects.toThrow(
        `plugin ${JSON.stringify(name)} not found`,
      );
    },
  );

  test.each(['{', '{"Addr": 7}', '{"Addr": "unix://relative"}', '{"Addr": "file:///etc/passwd"}', 'null'])(
    'described by %s is refused',
    async (text) => {
      writeFileSync(join(plugin.directory, 'odd.json'), text);
      await expect(plugin.drivers().find(context, 'odd')).rejects.toMatchObject({ code: 'invalid-argument' });
    },
  );

  test('that drives no volumes is not found', async () => {
    plugin.answers['Plugin.Activate'] = () => ({ Implements: ['NetworkDriver'] });
    await expect(plugin.drivers().find(context, 'tester')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('need not know of capabilities', async () => {
    plugin.answers['VolumeDriver.Capabilities'] = (_body, response) => {
      response.statusCode = 404;
      return 'page not found';
    };
    expect((await plugin.drivers().find(context, 'tester')).scope).toBe('local');
  });

  test('that fails is quoted', async () => {
    const driver = await plugin.drivers().find(context, 'tester');
    plugin.answers['VolumeDriver.Create'] = () => ({ Err: 'no room' });
    await expect(driver.create(context, 'v', {}, {})).rejects.toThrow('create v: no room');
    plugin.answers['VolumeDriver.Create'] = (_body, response) => {
      response.statusCode = 500;
      return { Err: 'broken' };
    };
    await expect(driver.create(context, 'v', {}, {})).rejects.toThrow(
      'create v: VolumeDriver.Create: broken',
    );
  });

  const hostile: readonly (readonly [string, Answer])[] = [
    ['no JSON', () => '<html>'],
    ['a list', () => '[1]'.repeat(2)],
    ['a relative path', () => ({ Mountpoint: 'etc' })],
    ['a path with ..', () => ({ Mountpoint: '/mnt/../etc' })],
    ['the root', () => ({ Mountpoint: '/' })],
    ['a path with a zero byte', () => ({ Mountpoint: '/mnt/\0' })],
    ['a number for a path', () => ({ Mountpoint: 7 })],
    ['more than anybody keeps', () => ({ Mountpoint: '/mnt', Junk: 'x'.repeat(5 << 20) })],
    ['a connection cut off', (_body, response) => response.socket?.destroy() && undefined],
    ['nothing', () => undefined],
  ];
  test.each(hostile)('that answers a mount with %s is not believed', async (_what, answer) => {
    const driver = await plugin.drivers(0.5).find(context, 'tester');
    plugin.answers['VolumeDriver.Mount'] = answer;
    await expect(driver.attach(context, attachment)).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('whose list holds impossible names loses those', async () => {
    const driver = await plugin.drivers().find(context, 'tester');
    const names = ['good', '../up', 'a b', '', 7, null, 'x'.repeat(300)];
    plugin.answers['VolumeDriver.List'] = () => ({ Volumes: names.map((Name) => ({ Name })) });
    expect(await driver.list(context)).toEqual([{ name: 'good', mountpoint: '' }]);
    plugin.answers['VolumeDriver.List'] = () => 'junk';
    expect(await driver.list(context)).toMatchObject({ warning: expect.stringContaining('tester') });
  });

  test('is no longer waited for when the operation is given up', async () => {
    const driver = await plugin.drivers(60).find(context, 'tester');
    const stop = new AbortController();
    plugin.answers['VolumeDriver.Mount'] = () => {
      stop.abort(new Error('given up'));
      return undefined;
    };
    await expect(driver.attach({ ...context, signal: stop.signal }, attachment)).rejects.toThrow('given up');
  });
});
