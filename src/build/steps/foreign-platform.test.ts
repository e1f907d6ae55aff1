import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostPlatform } from '../../oci/platform.ts';
import { StartError } from '../../runtime/start-error.ts';
import { emulatorFor } from './emulators.ts';
import { explainForeign } from './foreign-platform.ts';

const foreign = { os: 'linux', architecture: hostPlatform().architecture === 's390x' ? 'arm64' : 's390x' };
const badFormat = new StartError(126, 'exec: "/bin/sh": exec format error');
const notFound = new StartError(127, 'exec: "/bin/sh": no such file or directory');

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'binfmt-'));
  writeFileSync(join(directory, 'status'), 'enabled\n');
  writeFileSync(join(directory, 'register'), '');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** As QEMU's are: [bits and byte order, machine] in hexadecimal. */
const magics = { s390x: ['0202', '0016'], arm64: ['0201', 'b700'], arm: ['0101', '2800'] } as const;

function register(architecture: keyof typeof magics, flags: string, state = 'enabled'): void {
  const [kind, machine] = magics[architecture];
  const type = kind === '0202' ? '0002' : '0200';
  const magic = `7f454c46${kind}01${'00'.repeat(9)}${type}${machine}`;
  const mask = `${'ff'.repeat(7)}00${'ff'.repeat(8)}${kind === '0202' ? 'fffe' : 'feff'}ffff`;
  const text = `${state}\ninterpreter /usr/bin/qemu-${architecture}\nflags: ${flags}\noffset 0\nmagic ${magic}\nmask ${mask}\n`;
  writeFileSync(join(directory, `qemu-${architecture}`), text);
}

describe('emulators', () => {
  test('are found by the programs that they are for', async () => {
    register('arm', 'F');
    register('arm64', 'OCF');
    register('s390x', '', 'disabled');
    writeFileSync(join(directory, 'jar'), 'enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n');
    const found = await Promise.all(
      ['arm64', 's390x', 'arm', 'riscv64', 'abacus'].map((architecture) =>
        emulatorFor({ architecture }, directory),
      ),
    );
    expect(found).toEqual([
      { interpreter: '/usr/bin/qemu-arm64', enabled: true, isFixed: true },
      { interpreter: '/usr/bin/qemu-s390x', enabled: false, isFixed: false },
      { interpreter: '/usr/bin/qemu-arm', enabled: true, isFixed: true },
      undefined,
      undefined,
    ]);
    writeFileSync(join(directory, 'status'), 'disabled\n');
    expect((await emulatorFor({ architecture: 'arm64' }, directory))?.enabled).toBe(false);
  });

  test('are none where nothing is mounted', async () => {
    expect(await emulatorFor({ architecture: 'arm64' }, join(directory, 'absent'))).toBeUndefined();
  });
});

describe('a step for another platform that does not start', () => {
  const explained = async (error: StartError) => (await explainForeign(error, foreign, directory)).message;
  const wanted = foreign.architecture as keyof typeof magics;

  test('says what to install', async () => {
    const message = await explained(badFormat);
    expect(message).toStartWith(`cannot run programs for linux/${wanted} on this linux/`);
    expect(message).toContain(
      'exec format error: no emulator is registered for them: install qemu-user-static',
    );
  });

  test('says that the emulator is switched off', async () => {
    register(wanted, 'F', 'disabled');
    expect(await explained(badFormat)).toContain(`the emulator /usr/bin/qemu-${wanted} is switched off`);
  });

  test('says that the emulator has to be found in every image', async () => {
    register(wanted, 'OC');
    const message = await explained(notFound);
    expect(message).toContain(`the image does not have the emulator /usr/bin/qemu-${wanted}`);
    expect(message).toContain('with the flag F');
  });

  test('says what it always did where the platform is not to blame', async () => {
    expect(await explainForeign(badFormat, hostPlatform(), directory)).toBe(badFormat);
    expect(await explainForeign(notFound, foreign, directory)).toBe(notFound);
    register(wanted, 'F');
    expect(await explainForeign(notFound, foreign, directory)).toBe(notFound);
    const other = new StartError(128, 'mount failed');
    expect(await explainForeign(other, foreign, directory)).toBe(other);
  });
});
