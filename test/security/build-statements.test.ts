import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, TestDaemon } from '../fixtures/test-daemon.ts';

/** What is said about images: nothing secret, and nothing of this host, whatever the images hold. */

let daemon: TestDaemon;
let home: string;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-said-'));
  mkdirSync(join(home, 'context'));
});
afterEach(() => rmSync(home, { recursive: true }));

function build(lines: readonly string[], args: readonly string[], variables = {}): Outcome {
  writeFileSync(join(home, 'context/Dockerfile'), lines.join('\n'));
  const outcome = daemon.run('sampan', ['build', ...args, join(home, 'context')], '', variables);
  if (outcome.status !== 0) throw new Error(outcome.stderr);
  return outcome;
}

/** A file on loopback, from a process of its own: builds are waited for here. */
async function serve(): Promise<{ readonly port: string } & AsyncDisposable> {
  const answer = "fetch: () => new Response('downloaded')";
  const script = `console.log('port ' + Bun.serve({ port: 0, hostname: '127.0.0.1', ${answer} }).port)`;
  const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', stderr: 'ignore' });
  let said = '';
  for await (const chunk of child.stdout) {
    said += Buffer.from(chunk).toString();
    if (said.includes('\n')) break;
  }
  const port = /port (\d+)/.exec(said)?.[1] ?? '';
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await child.exited;
    },
  };
}

/** All documents of a layout; what is a layer is no JSON. */
function documents(layout: string): string[] {
  const blobs = join(home, layout, 'blobs/sha256');
  const files = readdirSync(blobs).map((name) => readFileSync(join(blobs, name), 'latin1'));
  const index = readFileSync(join(home, layout, 'index.json'), 'latin1');
  return [index, ...files.filter((text) => text.startsWith('{'))];
}

test('statements, manifests and metadata have no values of secrets, no proxies and no credentials of addresses', async () => {
  const words = {
    secret: 'value-of-the-secret',
    proxy: 'password-of-the-proxy',
    address: 'password-in-the-address',
  };
  await using server = await serve();
  const url = `http://user:${words.address}@127.0.0.1:${server.port}/file`;
  const lines = [
    'FROM busybox',
    'ARG URL',
    'ARG HTTP_PROXY',
    'ADD $URL /file',
    'RUN --mount=type=secret,id=key --mount=type=secret,id=other,env=OTHER test -s /run/secrets/key && test -n "$OTHER"',
  ];
  for (const version of ['v0.2', 'v1']) {
    const { stderr } = build(
      lines,
      [
        ...['--secret', 'id=key,env=KEY', '--secret', 'id=other,env=KEY', '--build-arg', 'URL', '--no-cache'],
        ...['--build-arg', `HTTP_PROXY=http://u:${words.proxy}@127.0.0.1:1`, '--sbom=true'],
        ...['--attest', `type=provenance,mode=min,version=${version}`],
        ...['-o', `type=oci,tar=false,dest=${join(home, version)}`, '-t', 'said'],
        ...['--metadata-file', join(home, 'metadata')],
      ],
      { KEY: words.secret, URL: url },
    );
    const said = documents(version);
    expect(said.join('')).toContain(`http://127.0.0.1:${server.port}/file`);
    for (const text of [...said, readFileSync(join(home, 'metadata'), 'utf8')]) {
      expect(text).not.toContain(words.secret);
      // A history names arguments that are declared and what was asked for, as BuildKit's does.
      if (text.includes('"history"')) continue;
      expect(text).not.toContain(words.proxy);
      expect(text).not.toContain(words.address);
    }
    for (const word of Object.values(words)) expect(stderr).not.toContain(word);
  }
  // What is kept of the steps says what they did.
  const kept = JSON.stringify((await daemon.request('GET', '/system/df?type=build-cache')).body);
  expect(kept).toContain(`http url http://127.0.0.1:${server.port}/file`);
  for (const word of Object.values(words)) expect(kept).not.toContain(word);
});

test('an image that is looked through cannot show what is not its own, nor keep the daemon busy for long', () => {
  const secret = join(home, 'host-secret');
  writeFileSync(secret, 'Package: of-the-host\nVersion: 1\n');
  const up = '../'.repeat(20);
  build(
    [
      'FROM busybox',
      // Links out of the image, in circles, to devices and to what never ends; a list that is far too long.
      `RUN mkdir -p /var/lib/dpkg /lib/apk/db /node_modules/a /node_modules/b /node_modules/c /usr/lib/apk/db && \\`,
      `  ln -s ${up}${secret.slice(1)} /var/lib/dpkg/status && ln -s installed /lib/apk/db/installed && \\`,
      '  ln -s /dev/zero /node_modules/a/package.json && ln -s /proc/kmsg /node_modules/b/package.json && \\',
      '  truncate -s 80M /usr/lib/apk/db/installed && mkfifo /node_modules/c/package.json && \\',
      '  ln -s /proc/1/environ /etc/os-release',
      // A program that would tell, if it were run.
      'RUN cp /bin/busybox /dpkg-query && chmod 755 /dpkg-query',
    ],
    ['--sbom=true', '-o', `type=oci,tar=false,dest=${join(home, 'said')}`],
  );
  const sbom = documents('said').find((text) => text.includes('spdxVersion')) ?? '';
  const { predicate } = JSON.parse(sbom);
  expect(predicate.packages.map(({ SPDXID }: { SPDXID: string }) => SPDXID)).toEqual(['SPDXRef-Image']);
  expect(predicate.creationInfo.comment).toBe(
    'The file /usr/lib/apk/db/installed was not read: it is too large.',
  );
  expect(sbom).not.toContain('of-the-host');
});
