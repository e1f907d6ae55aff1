import { afterAll, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTar } from '../../oci/tar/archive.ts';
import { formatTarHeader, tarEnd } from '../../oci/tar/writer.ts';
import { contextSourceOf } from './context-source.ts';
import { type PreparedContext, prepareContext } from './prepare-context.ts';

const home = mkdtempSync(join(tmpdir(), 'prepare-context-'));
const directory = join(home, 'context');
beforeEach(() => {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
});
afterAll(() => rmSync(home, { recursive: true }));

const write = (path: string, text = 'x'): void => writeFileSync(join(home, path), text);

interface Given {
  readonly context?: string;
  readonly file?: string;
  readonly stdin?: string | Uint8Array;
  readonly classic?: boolean;
}

function prepare({ context = directory, file = '', stdin = '', classic = false }: Given = {}) {
  const io = {
    async *stdin() {
      if (stdin.length > 0) yield Buffer.from(stdin);
    },
  };
  const source = contextSourceOf(context);
  return prepareContext({ source, file, ownIgnoreFiles: !classic }, io);
}

async function filesOf({ body }: PreparedContext): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  if (body === undefined) return files;
  for await (const { entry, text } of readTar(body)) files[entry.name] = await text(1000);
  return files;
}

describe('what a build sends', () => {
  test('is a folder as its ignore file leaves it, with both files that the daemon needs', async () => {
    for (const name of ['Dockerfile', 'a', 'b']) write(`context/${name}`);
    write('context/.dockerignore', '*\n!b\n');
    const prepared = await prepare();
    expect(prepared.dockerfile).toBe('Dockerfile');
    expect(Object.keys(await filesOf(prepared))).toEqual(['.dockerignore', 'Dockerfile', 'b']);
  });

  test("heeds a Dockerfile's own ignore file before the folder's, but for the classic builder", async () => {
    for (const name of ['Dockerfile', 'a', 'b']) write(`context/${name}`);
    write('context/.dockerignore', 'a');
    write('context/Dockerfile.dockerignore', 'b');
    const sent = ['.dockerignore', 'Dockerfile', 'Dockerfile.dockerignore'];
    expect(Object.keys(await filesOf(await prepare()))).toEqual([...sent, 'a']);
    expect(Object.keys(await filesOf(await prepare({ classic: true })))).toEqual([...sent, 'b']);
  });

  test('has a Dockerfile from elsewhere under a name that the build does not see', async () => {
    for (const name of ['context/a', 'context/b']) write(name);
    write('Other', 'FROM scratch');
    write('Other.dockerignore', 'b');
    const prepared = await prepare({ file: join(home, 'Other') });
    expect(prepared.dockerfile).toMatch(/^\.dockerfile\.[0-9a-f]{20}$/);
    expect(prepared.filename).toBe('Other');
    expect(await filesOf(prepared)).toEqual({
      a: 'x',
      [prepared.dockerfile]: 'FROM scratch',
      '.dockerignore': `.dockerignore\n${prepared.dockerfile}\n`,
    });
    rmSync(join(home, 'Other.dockerignore'));
  });

  test('never is a file outside of the context that a link in it names', async () => {
    write('secret', '*');
    symlinkSync('../secret', join(directory, 'Dockerfile'));
    await expect(prepare()).rejects.toThrow('is a link to a file outside of the context');
    rmSync(join(directory, 'Dockerfile'));
    write('context/Dockerfile');
    symlinkSync('../secret', join(directory, '.dockerignore'));
    await expect(prepare()).rejects.toThrow('.dockerignore is a link to a file outside of the context');
  });

  test('from standard input is an archive as it is, or a Dockerfile alone', async () => {
    const archive = Buffer.concat([formatTarHeader({ type: 'directory', name: 'd/' }), tarEnd]);
    const packed = await prepare({ context: '-', file: 'd/X', stdin: archive });
    expect([packed.dockerfile, await filesOf(packed)]).toEqual(['d/X', { 'd/': '' }]);
    const compressed = Bun.gzipSync(archive);
    const { body } = await prepare({ context: '-', stdin: compressed });
    expect(Buffer.concat(await Array.fromAsync(body ?? []))).toEqual(Buffer.from(compressed));
    const alone = await prepare({ context: '-', stdin: 'FROM scratch\n'.repeat(60) });
    expect(Object.keys(await filesOf(alone))).toEqual(['Dockerfile']);
  });

  test('is nothing where the daemon fetches it', async () => {
    for (const url of ['https://host.example/a.git#main:sub', 'git@host.example:a', 'ssh://host.example/a']) {
      expect(await prepare({ context: url, file: 'X' })).toMatchObject({ remote: url, dockerfile: 'X' });
    }
    await expect(prepare({ context: 'https://host.example/a.git', file: '-' })).rejects.toThrow(
      'must be within the context',
    );
  });
});
