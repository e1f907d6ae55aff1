import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { addressBytes } from './address-bytes.ts';
import { encodeNames, type NetworkName } from './names-file.ts';
import { NamesFiles } from './names-files.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sampan-names-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

interface Decoded {
  readonly name: string;
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
}

/** By the tables of docs/supervisor-protocol.md. */
function decode(bytes: Uint8Array): { names: Decoded[]; reverse: [string, string][] } {
  const file = Buffer.from(bytes);
  expect(file.toString('latin1', 0, 4)).toBe('SMPD');
  expect([file.readUInt32LE(4), file.readUInt32LE(8)]).toEqual([1, file.length]);
  const text = (at: number, size: number): string => file.toString('utf8', at, at + size);
  const hex = (at: number, size: number): string => file.toString('hex', at, at + size);
  const names = Array.from({ length: file.readUInt32LE(12) }, (_, index): Decoded => {
    const at = 24 + index * 16;
    const first = file.readUInt32LE(at + 4);
    const [four, six] = [file.readUInt16LE(at + 10), file.readUInt16LE(at + 12)];
    return {
      name: text(file.readUInt32LE(at), file.readUInt16LE(at + 8)),
      ipv4: Array.from({ length: four }, (_, place) => hex(first + place * 4, 4)),
      ipv6: Array.from({ length: six }, (_, place) => hex(first + four * 4 + place * 16, 16)),
    };
  });
  const start = 24 + names.length * 16;
  const reverse = Array.from({ length: file.readUInt32LE(16) }, (_, index): [string, string] => {
    const at = start + index * 24;
    return [hex(at, 16), text(file.readUInt32LE(at + 16), file.readUInt16LE(at + 20))];
  });
  return { names, reverse };
}

const hexOf = (address: string): string => Buffer.from(addressBytes(address)).toString('hex');
const anyName = fc
  .string({ minLength: 1, maxLength: 60, unit: 'grapheme' })
  .map((text) => text.toLowerCase());
const anyNames = fc.uniqueArray(
  fc.record({
    name: anyName,
    ipv4: fc.array(fc.ipV4(), { maxLength: 4 }),
    ipv6: fc.array(fc.ipV6(), { maxLength: 3 }),
  }),
  { selector: ({ name }) => name, maxLength: 30 },
);

test('a names file holds all names with their addresses, sorted by their bytes', () => {
  fc.assert(
    fc.property(anyNames, (names: NetworkName[]) => {
      const decoded = decode(encodeNames({ names, reverse: [] })).names;
      const expected = names.map(({ name, ipv4, ipv6 }) => ({
        name,
        ipv4: ipv4.map((address) => hexOf(address).slice(24)),
        ipv6: ipv6.map(hexOf),
      }));
      expect(decoded).toEqual(
        expected.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))),
      );
    }),
  );
});

test('a names file holds addresses with their names, sorted', () => {
  const addresses = fc.uniqueArray(fc.oneof(fc.ipV4(), fc.ipV6()), { selector: hexOf, maxLength: 30 });
  fc.assert(
    fc.property(addresses, (all) => {
      const reverse = all.map((address, index): [string, string] => [address, `Name${index}`]);
      const expected = reverse.map(([address, name]): [string, string] => [hexOf(address), name]).sort();
      expect(decode(encodeNames({ names: [], reverse })).reverse).toEqual(expected);
    }),
  );
});

test('a names file has small letters, and no names that DNS cannot carry', () => {
  const names = ['WEB', '', 'x'.repeat(254)].map((name) => ({ name, ipv4: [], ipv6: [] }));
  const reverse = [['10.0.0.1', 'WEB'] as const, ['10.0.0.2', 'y'.repeat(300)] as const];
  const decoded = decode(encodeNames({ names, reverse }));
  expect(decoded.names.map(({ name }) => name)).toEqual(['web']);
  expect(decoded.reverse.map(([, name]) => name)).toEqual(['WEB']);
});

/** All ways to write an address of eight groups: whole, with its first zeros left out, with an IPv4 address at its end. */
function waysToWrite(groups: readonly number[]): readonly string[] {
  const hex = groups.map((group) => group.toString(16));
  const [high = 0, low = 0] = groups.slice(6);
  const dotted = [...hex.slice(0, 6), [high >>> 8, high & 255, low >>> 8, low & 255].join('.')];
  const zero = groups.indexOf(0);
  if (zero < 0 || zero > 5) return [hex.join(':'), dotted.join(':')];
  const end = groups.findIndex((group, index) => index > zero && (group !== 0 || index > 5));
  const short = (all: readonly string[]): string =>
    `${all.slice(0, zero).join(':')}::${all.slice(end).join(':')}`;
  return [hex.join(':'), dotted.join(':'), short(hex), short(dotted)];
}

test('addresses in text are read, however they are written', () => {
  const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const bytes = groups.flatMap((value) => [value >>> 8, value & 255]);
      for (const text of waysToWrite(groups)) expect([text, ...addressBytes(text)]).toEqual([text, ...bytes]);
    }),
  );
  expect(hexOf('10.1.2.255')).toBe('00000000000000000000ffff0a0102ff');
  for (const wrong of ['', '10.0.0', '10.0.0.256', 'fd00::1%eth0', '::g', 'web']) {
    expect(() => addressBytes(wrong)).toThrow(`invalid IP address: ${wrong}`);
  }
});

test('names files are replaced, not rewritten, and go with their networks', () => {
  const files = new NamesFiles(join(directory, 'files'));
  files.open(new Set());
  const table = (name: string) => ({ names: [{ name, ipv4: ['10.0.0.1'], ipv6: [] }], reverse: [] });
  files.write('one', table('a'));
  const { ino, mode } = statSync(files.path('one'));
  expect(mode & 0o777).toBe(0o600);
  files.write('one', table('b'));
  expect(statSync(files.path('one')).ino).not.toBe(ino);
  expect(decode(readFileSync(files.path('one'))).names[0]?.name).toBe('b');
  files.write('two', table('c'));
  files.write('three', table('d'));
  writeFileSync(`${files.path('two')}.new`, 'left by a crash');
  files.remove('three');
  files.remove('three');
  files.open(new Set(['one']));
  expect(readdirSync(join(directory, 'files'))).toEqual(['one']);
});
