import { invalid } from '../base/errors.ts';

/** What Docker detaches on when nothing was said: ctrl-p, ctrl-q. */
const defaultDetachKeys = new Uint8Array([16, 17]);

const control = /^ctrl-([a-z@[\\\]^_])$/;

/** "ctrl-p,ctrl-q" or "a,b" to the bytes that a terminal sends. Empty text: the default. Fails with `invalid-argument`. */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === '') return defaultDetachKeys;
  const bytes = text.split(',').map((key) => keyByte(key));
  if (bytes.includes(undefined)) throw invalid(`Invalid escape keys (${text}) provided`);
  return Uint8Array.from(bytes.filter((byte) => byte !== undefined));
}

function keyByte(key: string): number | undefined {
  if (key.length === 1) {
    const code = key.charCodeAt(0);
    return code < 128 ? code : undefined;
  }
  const match = control.exec(key);
  const letter = match?.[1];
  if (letter === undefined) return undefined;
  return letter === '@' ? 0 : letter.toUpperCase().charCodeAt(0) & 0x1f;
}
