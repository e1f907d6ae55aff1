import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CredentialHelper } from './helper.ts';

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-helper-'));
});
afterEach(() => rmSync(home, { recursive: true }));

/** A helper that is this shell script; what it reads is in `$input`. */
function helper(script: string): CredentialHelper {
  const path = join(home, 'docker-credential-test');
  writeFileSync(path, `#!/bin/sh\ninput=$(cat)\n${script}\n`);
  chmodSync(path, 0o755);
  return new CredentialHelper('test', { PATH: `${home}:/usr/bin:/bin`, HOME: home });
}

describe('a credential helper', () => {
  test('gives user name and secret of the server that it is asked for', async () => {
    const { get } = { get: helper('echo "{\\"Username\\":\\"$1\\",\\"Secret\\":\\"$input\\"}"') };
    expect(await get.get('registry.example')).toEqual({
      username: 'get',
      password: 'registry.example',
      identityToken: '',
    });
  });

  test('gives an identity token under the name <token>', async () => {
    const login = await helper('echo \'{"Username":"<token>","Secret":"t"}\'').get('r');
    expect(login).toEqual({ username: '', password: '', identityToken: 't' });
  });

  test('has none when it says so in the words of the protocol', async () => {
    expect(await helper('echo "credentials not found in native keychain"; exit 1').get('r')).toBeUndefined();
  });

  test('is told what to keep, on standard input', async () => {
    await helper('printf %s "$1 $input" > $HOME/told').store('r', {
      username: 'ann',
      password: 'a "secret"',
      identityToken: '',
    });
    const told = readFileSync(join(home, 'told'), 'utf8');
    expect(told).toBe('store {"ServerURL":"r","Username":"ann","Secret":"a \\"secret\\""}');
  });

  test('lists its servers', async () => {
    expect(await helper('echo \'{"a":"ann","b":"bob"}\'').list()).toEqual(['a', 'b']);
  });

  test('that fails is told with what it said', async () => {
    const broken = helper('echo "the keychain is locked"; exit 3');
    await expect(broken.get('r')).rejects.toThrow(
      'error getting credentials - err: exit status 3, out: `the keychain is locked`',
    );
    await expect(broken.erase('r')).rejects.toThrow('error erasing credentials - err: exit status 3');
  });

  test('that is not installed is told by its name', async () => {
    const missing = new CredentialHelper('nowhere', { PATH: home });
    await expect(missing.get('r')).rejects.toThrow(
      'error getting credentials - err: exec: "docker-credential-nowhere": executable file not found in $PATH',
    );
  });

  test('is never a path', async () => {
    const trick = new CredentialHelper('x/../../../bin/sh', { PATH: '/usr/bin:/bin' });
    await expect(trick.get('r')).rejects.toThrow('executable file not found');
  });

  test('that does not answer in JSON, or with something else, is told', async () => {
    await expect(helper('echo ann:secret').get('r')).rejects.toThrow(
      'docker-credential-test did not answer in JSON',
    );
    await expect(helper('echo []').get('r')).rejects.toThrow('did not answer with a JSON object');
    await expect(helper('echo \'{"Username":5}\'').get('r')).rejects.toThrow('are not texts');
  });

  test('that talks without end is ended', async () => {
    await expect(helper('exec yes').get('r')).rejects.toThrow('its answer has more than 1048576 bytes');
  });
});
