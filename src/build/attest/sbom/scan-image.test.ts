import { afterAll, describe, expect, test } from 'bun:test';
import { createReadStream, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { background } from '../../../base/context.ts';
import { digestOf } from '../../../oci/digest.ts';
import { openTarTree } from '../../files/tar-tree.ts';
import { type Member, pieces, tarOf } from '../../files/testing/tars.ts';
import { GoBuildInfo } from './go-build-info.ts';
import { licenceExpression } from './licences.ts';
import { apkPackages, dpkgPackages, npmPackage, pythonPackage, readerOf } from './package-files.ts';
import { type ScanLimits, type ScannedImage, scanImage } from './scan-image.ts';
import { spdxOf } from './spdx.ts';

const context = background();
const directory = mkdtempSync(join(tmpdir(), 'sampan-scan-'));
afterAll(() => {
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});

async function scan(members: readonly Member[], limits?: ScanLimits): Promise<ScannedImage> {
  const { tree } = await openTarTree(context, pieces(tarOf(...members)), { directory, zeroOwners: true });
  using _tree = tree;
  return await scanImage(context, tree, limits);
}

const file = (name: string, text: string): Member => ({ name, text });
const found = ({ packages }: ScannedImage): string[] =>
  packages.map(({ type, name, version, path }) => `${type} ${name} ${version} ${path}`);

const dpkg = [
  'Package: bash\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: A Team <team@example.org>\nVersion: 5.2-2\nDescription: shell\n more text\n',
  'Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n',
  'Package: lib\nStatus: hold ok installed\nVersion: 1:2.3~rc1\n',
].join('\n');
const apk = 'C:Q1=\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\nm:Somebody <s@example.org>\n\nP:zlib\nV:1.3-r1\n\n';
const metadata =
  'Metadata-Version: 2.1\r\nName: Some_Pack\r\nVersion: 1.0\r\nLicense: MIT\r\n\r\nName: not this\r\n';

describe('an image that is looked through', () => {
  test('tells what its package managers have noted', async () => {
    const image = await scan([
      file('etc/os-release', 'NAME=x\nID=debian\nVERSION_ID="12"\n'),
      file('var/lib/dpkg/status', dpkg),
      file('var/lib/dpkg/status.d/base', 'Package: base-files\nVersion: 12\n'),
      file('var/lib/dpkg/status.d/base.md5sums', 'Package: no\nVersion: 1\n'),
      file('lib/apk/db/installed', apk),
      file(
        'app/node_modules/left-pad/package.json',
        '{"name":"left-pad","version":"1.3.0","license":{"type":"MIT"}}',
      ),
      file('app/node_modules/@a/b/package.json', '{"name":"@a/b","version":"2.0.0"}'),
      file('app/node_modules/left-pad/lib/package.json', '{"name":"no","version":"1"}'),
      file('usr/lib/python3/dist-packages/Some_Pack-1.0.dist-info/METADATA', metadata),
      file('usr/lib/python3/dist-packages/old.egg-info', 'Name: old\nVersion: 0.1\n'),
    ]);
    expect(found(image).sort()).toEqual([
      'apk musl 1.2.5-r0 /lib/apk/db/installed',
      'apk zlib 1.3-r1 /lib/apk/db/installed',
      'deb base-files 12 /var/lib/dpkg/status.d/base',
      'deb bash 5.2-2 /var/lib/dpkg/status',
      'deb lib 1:2.3~rc1 /var/lib/dpkg/status',
      'npm @a/b 2.0.0 /app/node_modules/@a/b/package.json',
      'npm left-pad 1.3.0 /app/node_modules/left-pad/package.json',
      'pypi Some_Pack 1.0 /usr/lib/python3/dist-packages/Some_Pack-1.0.dist-info/METADATA',
      'pypi old 0.1 /usr/lib/python3/dist-packages/old.egg-info',
    ]);
    expect(image).toMatchObject({ distribution: { id: 'debian', version: '12' }, omissions: [] });
  });

  test('says what it has that is not read', async () => {
    const image = await scan([file('var/lib/rpm/rpmdb.sqlite', 'x'), file('var/lib/dpkg/status', dpkg)], {
      ...{ file: 50, lists: 1000, files: 100, programs: 0, packages: 100 },
    });
    expect(image.packages).toEqual([]);
    expect(image.omissions).toEqual([
      'The RPM database /var/lib/rpm/rpmdb.sqlite was not read.',
      'The file /var/lib/dpkg/status was not read: it is too large.',
    ]);
  });

  test('is looked through no further than the limits', async () => {
    const program = { ...file('bin/go', 'x'.repeat(300 << 10)), mode: 0o755 };
    const lists = ['a', 'b', 'c'].map((name) =>
      file(`node_modules/${name}/package.json`, `{"name":"${name}","version":"1"}`),
    );
    const limits = { file: 100, lists: 1000, files: 10, programs: 1, packages: 2 };
    const image = await scan([program, ...lists], limits);
    expect([image.packages.length, image.omissions]).toEqual([
      2,
      [
        'Programs beyond the first ones were not looked into: they are too large.',
        'There are more than 2 packages.',
      ],
    ]);
    const few = await scan(lists, { ...limits, files: 1 });
    expect([few.packages.length, few.omissions]).toEqual([1, ['More than 1 files may list packages.']]);
    const small = await scan(lists, { ...limits, lists: 20 });
    expect([small.packages.length, small.omissions]).toEqual([
      1,
      ['Lists of packages beyond the first ones were not read: they are too large.'],
    ]);
  });

  test('has links followed inside of itself alone', async () => {
    const link = (name: string, linkName: string): Member => ({ name, linkName, type: 'symlink' });
    const image = await scan([
      link('var/lib/dpkg/status', '../../../../../../data/status'),
      file('data/status', dpkg),
      link('lib/apk/db/installed', '/lib/apk/db/installed'),
      link('node_modules/a/package.json', '/etc/passwd'),
      link('etc/os-release', '/proc/self/environ'),
    ]);
    expect(image.packages.map(({ name }) => name)).toEqual(['bash', 'lib']);
    expect(image.distribution).toEqual({ id: '', version: '' });
  });
});

describe('readers of packages', () => {
  test('take no names and versions that cannot be', () => {
    expect(npmPackage('{"name":"a\\nb","version":"1"}')).toEqual([]);
    expect(npmPackage(`{"name":"${'a'.repeat(600)}","version":"1"}`)).toEqual([]);
    expect(npmPackage('{"name":["a"],"version":1}')).toEqual([]);
    // Half a character cannot be part of an address.
    expect(npmPackage('{"name":"a\\ud800","version":"1"}')).toEqual([]);
    expect(npmPackage('[]')).toEqual([]);
    expect(npmPackage('{')).toEqual([]);
    expect(dpkgPackages('Package: a\n')).toEqual([]);
  });

  test('read whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const read of [dpkgPackages, apkPackages, npmPackage, pythonPackage]) {
          for (const { name, version } of read(text)) expect([name, version]).not.toContain('');
        }
      }),
    );
  });

  test('find again what was written', () => {
    const word = fc.stringMatching(/^[a-z0-9][a-z0-9+.-]{0,20}$/);
    fc.assert(
      fc.property(fc.array(fc.record({ name: word, version: word })), (packages) => {
        const text = packages.map(
          ({ name, version }) => `Package: ${name}\nX: y\n z\nVersion: ${version}\n\n`,
        );
        expect(dpkgPackages(text.join('')).map(({ name, version }) => ({ name, version }))).toEqual(packages);
      }),
    );
  });

  test('are for files of these names alone', () => {
    for (const path of [
      ...['a/var/lib/dpkg/status', 'node_modules/.bin/package.json', 'node_modules/@a/package.json'],
      ...['package.json', 'x.dist-info/RECORD', 'node_modules/a/b/package.json'],
    ]) {
      expect([path, readerOf(path)]).toEqual([path, undefined]);
    }
  });
});

describe("Go's note in a program", () => {
  const uvarint = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...uvarint(value >>> 7)];
  const string = (text: string): Buffer =>
    Buffer.concat([Buffer.from(uvarint(text.length)), Buffer.from(text, 'latin1')]);
  const note = (list: string, flags = 2): Buffer => {
    const header = Buffer.alloc(32);
    header.write('\xff Go buildinf:', 'latin1');
    header[15] = flags;
    const marked = list === '' ? '' : `${'<'.repeat(16)}${list}\n${'>'.repeat(16)}`;
    return Buffer.concat([header, string('go1.22.1 X:nocoverage'), string(marked)]);
  };
  const elf = Buffer.from('\x7fELF'.padEnd(100, '\0'), 'latin1');
  const modules = (bytes: Uint8Array, size = bytes.length): string[] => {
    const info = new GoBuildInfo();
    for (let at = 0; at < bytes.length; at += size) info.add(bytes.subarray(at, at + size));
    return info.finish().map(({ name, version }) => `${name} ${version}`);
  };
  const list =
    'path\texample.org/app\nmod\texample.org/app\t(devel)\t\ndep\ta.b/c\tv1.0.0\th1:x\ndep\td.e/f\tv2.0.0\n=>\tg.h/f\tv2.1.0\th1:y\nbuild\t-compiler=gc';
  const named = ['stdlib 1.22.1', 'example.org/app (devel)', 'a.b/c v1.0.0', 'g.h/f v2.1.0'];

  test('names the modules, what replaces others for itself', () => {
    expect(modules(Buffer.concat([elf, note(list), elf]))).toEqual(named);
    expect(modules(Buffer.concat([elf, note('')]))).toEqual(['stdlib 1.22.1']);
  });

  test('is found wherever the pieces end, after what only looks like one', () => {
    const lookalike = Buffer.from('\xff Go buildinf:\0\0 is what it begins with', 'latin1');
    const bytes = Buffer.concat([elf, lookalike, note(list, 0), note(list), elf]);
    for (const size of [1, 7, 13, 14, 64, bytes.length]) expect(modules(bytes, size)).toEqual(named);
  });

  test('is not one whose version is as long as a book', () => {
    const long = Buffer.concat([note('').subarray(0, 32), string(`go1${'x'.repeat(1_000)}`)]);
    expect(modules(Buffer.concat([elf, long, note(list)]))).toEqual(named);
  });

  test('is sought in programs alone, and may say anything', () => {
    expect(modules(note(list))).toEqual([]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const header = note('').subarray(0, 32);
        expect(modules(Buffer.concat([elf, header, bytes])).length).toBeLessThan(200);
      }),
    );
  });

  test("is read in a program of Go's own linker: TypeScript's compiler", async () => {
    const typescript = join(import.meta.dir, '../../../../node_modules/@typescript');
    const [platform = ''] = readdirSync(typescript).filter((name) => name.startsWith('typescript-linux'));
    const info = new GoBuildInfo();
    for await (const chunk of createReadStream(join(typescript, platform, 'lib/tsc'))) info.add(chunk);
    const names = info.finish().map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['stdlib', 'github.com/microsoft/typescript-go', 'golang.org/x/text']),
    );
  });
});

describe('an SPDX document', () => {
  const subject = {
    ...{ image: digestOf('image'), name: 'app:1', platform: { os: 'linux', architecture: 'amd64' } },
    created: new Date(1_700_000_000_123),
  };

  test('has the packages with their addresses, the same each time', async () => {
    const members = [
      file('etc/os-release', 'ID=alpine\nVERSION_ID=3.20.1\n'),
      file('lib/apk/db/installed', apk),
      file(
        'app/node_modules/@a/b/package.json',
        '{"name":"@a/b","version":"2.0.0","license":"SEE LICENSE IN x"}',
      ),
    ];
    const one = JSON.parse(JSON.stringify(spdxOf(subject, await scan(members))));
    expect(spdxOf(subject, await scan(members.toReversed()))).toEqual(one);
    const [image, ...packages] = one.packages;
    expect(image).toMatchObject({ name: 'app:1', primaryPackagePurpose: 'CONTAINER' });
    expect(one.creationInfo.created).toBe('2023-11-14T22:13:20Z');
    const summary = packages.map(
      (each: { [key: string]: string } & { externalRefs: { [key: string]: string }[] }) => [
        ...[each.externalRefs[0]?.['referenceLocator'], each['licenseDeclared'], each['supplier']],
      ],
    );
    expect(summary).toEqual([
      [
        'pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1',
        'MIT',
        'Organization: Somebody (s@example.org)',
      ],
      ['pkg:apk/alpine/zlib@1.3-r1?distro=alpine-3.20.1', 'NOASSERTION', undefined],
      ['pkg:npm/%40a/b@2.0.0', 'NOASSERTION', undefined],
    ]);
    expect(packages[2].licenseComments).toBe('The package says: SEE LICENSE IN x');
    const ids = packages.map((each: { SPDXID: string }) => each.SPDXID);
    for (const id of ids) expect(id).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/);
    expect(one.relationships).toEqual([
      {
        spdxElementId: 'SPDXRef-DOCUMENT',
        relationshipType: 'DESCRIBES',
        relatedSpdxElement: 'SPDXRef-Image',
      },
      ...ids.map((id: string) => ({
        ...{ spdxElementId: 'SPDXRef-Image', relationshipType: 'CONTAINS', relatedSpdxElement: id },
      })),
    ]);
  });

  test.each([
    ['MIT', 'MIT'],
    ['(MIT OR Apache-2.0) AND BSD-3-Clause', '(MIT OR Apache-2.0) AND BSD-3-Clause'],
    ['', undefined],
    ['Mine', undefined],
    ['MIT Apache-2.0', undefined],
    ['MIT AND', undefined],
    [')MIT(', undefined],
    ['MIT ()', undefined],
    ['(MIT', undefined],
    ['MIT (AND) ISC', undefined],
  ])('takes licences that are expressions: %p', (text, expression) => {
    expect(licenceExpression(text)).toBe(expression);
  });
});
