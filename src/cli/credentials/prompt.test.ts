import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Io } from '../io.ts';
import { promptForLogin } from './prompt-for-login.ts';

/** A terminal at which these keys are typed, one chunk at a time. */
function terminal(...chunks: readonly string[]) {
  const seen = { out: '', raw: false, typedRaw: [] as boolean[] };
  const io = {
    out: (text: string) => {
      seen.out += text;
    },
    rawMode: () => {
      seen.raw = true;
      return () => {
        seen.raw = false;
      };
    },
    async *stdin() {
      for (const chunk of chunks) {
        seen.typedRaw.push(seen.raw);
        yield new TextEncoder().encode(chunk);
      }
    },
  } as unknown as Io;
  return { io, seen };
}

describe('asking for a login', () => {
  test('takes the user name as it is seen and the password unseen', async () => {
    const { io, seen } = terminal('ann\n', 'sec', 'ret', '\r');
    expect(await promptForLogin(io, 'r')).toEqual({ username: 'ann', password: 'secret', identityToken: '' });
    expect(seen).toEqual({
      out: 'Username: Password: \n',
      raw: false,
      typedRaw: [false, true, true, true],
    });
  });

  test('loses nothing of what is pasted at once', async () => {
    const { io } = terminal('ann\npäss\n');
    expect(await promptForLogin(io, 'r')).toMatchObject({ username: 'ann', password: 'päss' });
  });

  test('lets the user correct the password', async () => {
    const { io } = terminal('wrong\x15secrx\x7fet\x1b\r');
    expect(await promptForLogin(io, 'r', { username: 'ann' })).toMatchObject({ password: 'secret' });
  });

  test('does not care in which pieces the keys come', async () => {
    const keys = fc.array(fc.constantFrom('a', 'é', '\x7f', '\x15', '\x1b', ' '), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(keys, keys, async (first, second) => {
        const whole = terminal(`ann\n${first.join('')}${second.join('')}b\r`);
        const pieces = terminal('an', 'n\n', ...first, second.join(''), 'b\r');
        expect(await promptForLogin(pieces.io, 'r')).toEqual(await promptForLogin(whole.io, 'r'));
      }),
    );
  });

  test('offers the user name that is known', async () => {
    const { io, seen } = terminal('\n', 'secret\r');
    expect(await promptForLogin(io, 'r', { defaultUsername: 'bob' })).toMatchObject({ username: 'bob' });
    expect(seen.out).toStartWith('Username (bob): ');
  });

  test('asks for nothing that is given', async () => {
    const { io, seen } = terminal();
    expect(await promptForLogin(io, 'r', { username: 'ann', password: 'x' })).toMatchObject({
      password: 'x',
    });
    expect(seen.out).toBe('');
  });

  test('is ended by Ctrl-C, and leaves the terminal as it was', async () => {
    const { io, seen } = terminal('secr\x03');
    await expect(promptForLogin(io, 'r', { username: 'ann' })).rejects.toMatchObject({ exitCode: 130 });
    await Bun.sleep(0);
    expect(seen.raw).toBe(false);
  });

  test('fails when nothing is answered', async () => {
    await expect(promptForLogin(terminal('\n').io, 'r')).rejects.toThrow('Non-null Username Required');
    await expect(promptForLogin(terminal().io, 'r')).rejects.toThrow('Non-null Username Required');
    await expect(promptForLogin(terminal('a\n', '\r').io, 'r')).rejects.toThrow('Password Required');
    await expect(promptForLogin(terminal('\x04').io, 'r', { username: 'a' })).rejects.toThrow(
      'Password Required',
    );
  });
});
