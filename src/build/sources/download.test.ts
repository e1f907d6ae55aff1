import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { background } from '../../base/context.ts';
import { digestOf } from '../../oci/digest.ts';
import type { HttpOperation } from '../definition/vertex.ts';
import { readFile } from '../files/read-file.ts';
import { Downloads } from './download.ts';
import { SourceBench } from './testing/source-bench.ts';

const context = background();
let bench: SourceBench;
let servers: { stop(force: boolean): unknown }[];
beforeEach(() => {
  bench = new SourceBench();
  servers = [];
});
afterEach(() => {
  for (const server of servers) server.stop(true);
  expect(bench.files.sort()).toEqual(
    bench.kept
      .list()
      .map(({ id }) => id)
      .sort(),
  );
  bench[Symbol.dispose]();
});

interface Seen {
  readonly path: string;
  readonly headers: Headers;
}

/** A server on loopback, and what it was asked. */
function serve(answer: (path: string, headers: Headers) => Response): { url: string; seen: Seen[] } {
  const seen: Seen[] = [];
  const server = Bun.serve({
    ...{ port: 0, hostname: '127.0.0.1' },
    fetch: (request) => {
      const path = new URL(request.url).pathname;
      seen.push({ path, headers: request.headers });
      return answer(path, request.headers);
    },
  });
  servers.push(server);
  return { url: `http://127.0.0.1:${server.port}`, seen };
}

function operation(url: string, more: Partial<HttpOperation> = {}): HttpOperation {
  return { kind: 'http', url, filename: 'file.txt', checksum: '', ...more };
}

describe('a download', () => {
  test("is a file of mode 0600, of its server's time, under the name asked for", async () => {
    const { url } = serve(
      () => new Response('hello', { headers: { 'last-modified': 'Thu, 01 Jan 1970 00:01:00 GMT' } }),
    );
    const tree = await new Downloads(bench.kept).get(context, operation(`${url}/a`));
    expect((await tree.stat(context, '/file.txt'))?.header).toMatchObject({
      mode: 0o600,
      uid: 0,
      gid: 0,
      size: 5,
      seconds: 60,
    });
    expect(String(await readFile(context, tree, '/file.txt', 100))).toBe('hello');
  });

  test.each([
    ['attachment; filename="../../etc/x y"', 'x y'],
    ['attachment; filename=plain.bin', 'plain.bin'],
    ['attachment; filename=".."', '__unnamed__'],
    ['inline', '__unnamed__'],
  ])(
    'without a name in its URL is called as the server says, a name alone: %s',
    async (disposition, name) => {
      const { url } = serve(() => new Response('', { headers: { 'content-disposition': disposition } }));
      const tree = await new Downloads(bench.kept).get(
        context,
        operation(`${url}/`, { filename: '__unnamed__' }),
      );
      expect(await tree.names(context, '/')).toEqual([name]);
    },
  );

  test('is not unpacked when it is compressed, whatever the server says', async () => {
    const bytes = Bun.gzipSync(Buffer.from('hello'));
    const { url, seen } = serve(() => new Response(bytes, { headers: { 'content-encoding': 'gzip' } }));
    const tree = await new Downloads(bench.kept).get(context, operation(url));
    expect((await readFile(context, tree, '/file.txt', 100))?.equals(Buffer.from(bytes))).toBe(true);
    expect(seen[0]?.headers.get('accept-encoding')).toBe('identity');
  });

  test('is asked about again only where its server has versions, and not at all for the checksum it has', async () => {
    let version = '"1"';
    const { url, seen } = serve((_, headers) =>
      headers.get('if-none-match') === version
        ? new Response(null, { status: 304 })
        : new Response(`content ${version}`, { headers: { etag: version } }),
    );
    const downloads = new Downloads(bench.kept);
    const text = async (checksum = ''): Promise<string> =>
      String(
        await readFile(context, await downloads.get(context, operation(url, { checksum })), '/file.txt', 100),
      );
    expect([await text(), await text()]).toEqual(['content "1"', 'content "1"']);
    expect(await text(digestOf('content "1"'))).toBe('content "1"');
    expect(seen.length).toBe(2);
    version = '"2"';
    expect(await text()).toBe('content "2"');
  });

  test('is asked about by a later daemon too, until it is pruned', async () => {
    const { url, seen } = serve((_, headers) =>
      headers.get('if-modified-since') === null
        ? new Response('content', { headers: { 'last-modified': 'Thu, 01 Jan 1970 00:01:00 GMT' } })
        : new Response(null, { status: 304 }),
    );
    const secret = url.replace('//', '//user:secret@');
    const text = async (from = secret): Promise<unknown> => {
      const tree = await new Downloads(bench.kept).get(context, operation(from));
      const stat = await tree.stat(context, '/file.txt');
      return [String(await readFile(context, tree, '/file.txt', 100)), stat?.header.seconds];
    };
    const first = await text();
    bench.open();
    expect(await text()).toEqual(first);
    expect(seen.map(({ headers }) => headers.has('if-modified-since'))).toEqual([false, true]);
    const [record] = bench.kept.list();
    expect(record).toMatchObject({ type: 'source.http', description: `http url ${url}/`, uses: 1 });
    expect(JSON.stringify(bench.database.query('SELECT * FROM build_sources').all())).not.toContain('secret');
    // Another user is not given what this one got.
    await text(url);
    expect(seen.at(-1)?.headers.has('if-modified-since')).toBe(false);
    bench.kept.remove(record?.id ?? '');
    expect(await text()).toEqual(first);
    expect(seen.at(-1)?.headers.has('if-modified-since')).toBe(false);
  });

  test('with another content than its checksum, too large, broken off, or of another status fails', async () => {
    const { url } = serve((path) => {
      if (path === '/404') return new Response('no', { status: 404 });
      return new Response('x'.repeat(1000));
    });
    const get = (path: string, more: Partial<HttpOperation> = {}): Promise<unknown> =>
      new Downloads(bench.kept).get(context, operation(url + path, more), { maxBytes: 1000 });
    await expect(get('/', { checksum: digestOf('other') })).rejects.toThrow(
      `digest mismatch ${digestOf('x'.repeat(1000))}: ${digestOf('other')}`,
    );
    await expect(get('/404')).rejects.toThrow('invalid response status 404');
    const small = new Downloads(bench.kept).get(context, operation(`${url}/`), { maxBytes: 999 });
    await expect(small).rejects.toThrow('larger than the allowed 999 bytes');
  });

  test('of what does not answer fails without showing what the URL holds', async () => {
    const { url } = serve(() => new Response(''));
    for (const server of servers.splice(0)) server.stop(true);
    const get = new Downloads(bench.kept).get(context, operation(url.replace('//', '//user:secret@')));
    await expect(get).rejects.toThrow(/^"http:\/\/127\.0\.0\.1:\d+\/" cannot be downloaded: no answer$/);
  });

  test('ends when it is given up', async () => {
    const stop = new AbortController();
    const { url } = serve(() => {
      setTimeout(() => stop.abort(new Error('given up')), 1);
      return new Response(new ReadableStream({ pull: () => new Promise(() => {}) }));
    });
    const get = new Downloads(bench.kept).get({ ...context, signal: stop.signal }, operation(url));
    await expect(get).rejects.toThrow('given up');
  });
});

describe('a redirect', () => {
  test('is followed, but what was said to one host is not said to the next', async () => {
    const other = serve(() => new Response('there'));
    const first = serve(() => Response.redirect(`${other.url}/moved`));
    const url = first.url.replace('//', '//user:p%40ss@');
    const tree = await new Downloads(bench.kept).get(context, operation(url));
    expect(String(await readFile(context, tree, '/file.txt', 100))).toBe('there');
    expect(first.seen[0]?.headers.get('authorization')).toBe(`Basic ${btoa('user:p@ss')}`);
    expect(other.seen[0]?.headers.get('authorization')).toBeNull();
    expect(other.seen[0]?.headers.get('referer')).toBeNull();
  });

  test.each(['file:///etc/passwd', 'ftp://127.0.0.1/x', 'data:,x', 'unix:/run/docker.sock'])(
    'to %s is refused',
    async (target) => {
      const { url } = serve(() => new Response(null, { status: 302, headers: { location: target } }));
      await expect(new Downloads(bench.kept).get(context, operation(url))).rejects.toThrow(
        'only http and https are allowed',
      );
    },
  );

  test('in a circle ends', async () => {
    const { url, seen } = serve(() => new Response(null, { status: 302, headers: { location: '/again' } }));
    await expect(new Downloads(bench.kept).get(context, operation(url))).rejects.toThrow(
      'stopped after 10 redirects',
    );
    expect(seen.length).toBe(11);
  });
});

test.each(['file:///etc/passwd', 'ftp://x/y', '/etc/passwd'])('%s cannot be downloaded', async (url) => {
  await expect(new Downloads(bench.kept).get(context, operation(url))).rejects.toThrow(
    'only http and https are allowed',
  );
});
