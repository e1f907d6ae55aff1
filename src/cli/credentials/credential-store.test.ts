import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfigFile } from '../config-file.ts';
import type { Session } from '../session.ts';
import { credentialStore, serversOf } from './credential-store.ts';

const ann = { username: 'ann', password: 'secret', identityToken: '' };
const annsEntry = { auth: Buffer.from('ann:secret').toString('base64') };

let home: string;
let told: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-store-'));
  told = '';
});
afterEach(() => rmSync(home, { recursive: true }));

/** A session that has read the configuration as it is now. */
function session(): Session {
  const err = (text: string): void => {
    told += text;
  };
  const io = { environment: { PATH: `${home}:/usr/bin:/bin`, HOME: home }, err };
  return { io, configDirectory: home, config: readConfigFile(home, err) } as unknown as Session;
}

function writeConfig(config: object): void {
  writeFileSync(join(home, 'config.json'), JSON.stringify(config));
}

function config(): Record<string, unknown> {
  return JSON.parse(readFileSync(join(home, 'config.json'), 'utf8'));
}

/** Installs a helper that answers and writes down what it is told. */
function install(name: string): void {
  const script = `#!/bin/sh
read -r input
echo "$1 $input" >> ${home}/told
[ $1 = list ] && echo '{"r":"ann","s":"ann"}'
[ $1 = get ] && echo '{"Username":"kim","Secret":"kept"}'
exit 0
`;
  writeFileSync(join(home, `docker-credential-${name}`), script);
  chmodSync(join(home, `docker-credential-${name}`), 0o755);
}

describe('the store of logins', () => {
  test('is the configuration where no helper is named, and warns of that once', async () => {
    await credentialStore(session(), 'r').store('r', ann);
    expect(config()).toEqual({ auths: { r: annsEntry } });
    expect(told).toContain(`stored unencrypted in '${home}/config.json'`);
    expect(await credentialStore(session(), 'r').get('r')).toEqual(ann);
    told = '';
    await credentialStore(session(), 'r').store('r', ann);
    expect(told).toBe('');
  });

  test('keeps an identity token without warning, and what else an entry says', async () => {
    writeConfig({ auths: { r: { ...annsEntry, email: 'ann@example' } } });
    await credentialStore(session(), 'r').store('r', { ...ann, password: '', identityToken: 'id' });
    expect(config()['auths']).toEqual({
      r: { auth: Buffer.from('ann:').toString('base64'), email: 'ann@example', identitytoken: 'id' },
    });
    expect(told).toBe('');
  });

  test('finds logins that old versions kept under URLs', async () => {
    writeConfig({ auths: { 'https://r:5000/v1/': annsEntry } });
    expect(await credentialStore(session(), 'r:5000').get('r:5000')).toEqual(ann);
    expect(await credentialStore(session(), 'r').get('r')).toBeUndefined();
  });

  test('erases one login and no other', async () => {
    writeConfig({ auths: { r: annsEntry, s: annsEntry } });
    await credentialStore(session(), 'r').erase('r');
    await credentialStore(session(), 'x').erase('x');
    expect(config()).toEqual({ auths: { s: annsEntry } });
  });

  test('is the helper of the server, or that of all', async () => {
    install('own');
    install('all');
    writeConfig({ credsStore: 'all', credHelpers: { r: 'own', plain: '' } });
    await credentialStore(session(), 'r').store('r', ann);
    expect(await credentialStore(session(), 's').get('s')).toEqual({
      ...ann,
      username: 'kim',
      password: 'kept',
    });
    await credentialStore(session(), 'r').erase('r');
    expect(readFileSync(join(home, 'told'), 'utf8')).toBe(
      'store {"ServerURL":"r","Username":"ann","Secret":"secret"}\nget s\nerase r\n',
    );
    expect(config()).toMatchObject({ credsStore: 'all', auths: {} });
    expect(await credentialStore(session(), 'plain').get('plain')).toBeUndefined();
  });

  test('leaves no secret in the file that a helper keeps', async () => {
    install('all');
    writeConfig({ credsStore: 'all', auths: { r: annsEntry } });
    await credentialStore(session(), 'r').store('r', ann);
    expect(config()['auths']).toEqual({ r: {} });
  });

  test('is the keychain of the system for who has no logins yet, and is written down', async () => {
    install('secretservice');
    await credentialStore(session(), 'r').store('r', ann);
    expect(config()).toEqual({ auths: { r: {} }, credsStore: 'secretservice' });
    writeConfig({ auths: { s: annsEntry } });
    expect(await credentialStore(session(), 's').get('s')).toEqual(ann);
  });

  test('knows the servers of file and helper', async () => {
    install('all');
    writeConfig({ credsStore: 'all', credHelpers: { h: 'own' }, auths: { r: annsEntry } });
    expect(await serversOf(session())).toEqual(['r', 'h', 's']);
  });

  test('says which entry it cannot read', async () => {
    writeConfig({ auths: { r: { auth: 'bm9jb2xvbg==' }, s: annsEntry } });
    expect(await credentialStore(session(), 's').get('s')).toEqual(ann);
    expect(told).toContain(`${home}/config.json): the "auth" of "r" is not user:password in base64`);
  });
});
