import type { Platform } from '../../oci/image.ts';
import { formatPlatform, hostPlatform } from '../../oci/platform.ts';
import { StartError } from '../../runtime/start-error.ts';
import { emulatorFor } from './emulators.ts';

const NOT_FOUND = 127;
const QEMU = 'qemu-user-static (on Debian and Ubuntu: apt install qemu-user-static binfmt-support)';

/** Why a step for another platform did not start, if that is because of the platform: what is missing here, and where to get it. */
export async function explainForeign(
  error: StartError,
  platform: Platform,
  directory?: string,
): Promise<StartError> {
  const host = hostPlatform();
  if (platform.os === host.os && platform.architecture === host.architecture) return error;
  const isFormat = /exec format error/i.test(error.message);
  if (!isFormat && error.exitCode !== NOT_FOUND) return error;
  const emulator = await emulatorFor(platform, directory);
  const wanted = formatPlatform(platform);
  const begin = `cannot run programs for ${wanted} on this ${formatPlatform(host)} host`;
  const fail = (why: string): StartError => new StartError(error.exitCode, `${begin}: ${why}`, error);
  if (emulator === undefined) {
    return isFormat ? fail(`exec format error: no emulator is registered for them: install ${QEMU}`) : error;
  }
  const { interpreter, enabled, isFixed } = emulator;
  if (isFormat && !enabled) {
    return fail(`exec format error: the emulator ${interpreter} is switched off in /proc/sys/fs/binfmt_misc`);
  }
  if (isFormat || isFixed) return error;
  return fail(
    `the image does not have the emulator ${interpreter}, which is registered in a way that every image needs it: register it with the flag F (fix binary), as newer versions of ${QEMU} do`,
  );
}
