import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { DetachWatcher, defaultDetachKeys, parseDetachKeys } from './detach-keys.ts';

test('parseDetachKeys reads letters and control keys', () => {
  expect(parseDetachKeys('ctrl-p,ctrl-q')).toEqual([16, 17]);
  expect(parseDetachKeys('a,ctrl-[,ctrl-@,ctrl-_')).toEqual([97, 27, 0, 31]);
  expect(() => parseDetachKeys('ctrl-1')).toThrow("Unknown character: 'ctrl-1'");
});

describe('DetachWatcher', () => {
  const feedAll = (pieces: readonly (readonly number[])[]): { passed: number[]; detached: boolean } => {
    const watcher = new DetachWatcher(defaultDetachKeys);
    const passed: number[] = [];
    for (const piece of pieces) {
      const { pass, detached } = watcher.feed(new Uint8Array(piece));
      passed.push(...pass);
      if (detached) return { passed, detached };
    }
    return { passed, detached: false };
  };

  test('finds the sequence also when it comes in pieces', () => {
    expect(
      feedAll([
        [65, 16],
        [17, 66],
      ]),
    ).toEqual({ passed: [65], detached: true });
    expect(feedAll([[16, 16, 17]])).toEqual({ passed: [16], detached: true });
  });

  test('passes on everything else unchanged, but for a begun sequence at the end', () => {
    const key = fc.constantFrom(16, 17, 65);
    fc.assert(
      fc.property(fc.array(fc.array(key)), (pieces) => {
        const typed = pieces.flat();
        const text = String.fromCharCode(...typed);
        fc.pre(!text.includes('\x10\x11'));
        const held = typed.at(-1) === 16 ? 1 : 0;
        expect(feedAll(pieces)).toEqual({ passed: typed.slice(0, typed.length - held), detached: false });
      }),
    );
  });
});
