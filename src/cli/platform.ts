import { messageOf } from '../base/errors.ts';
import type { Platform } from '../client/images.ts';
import { parsePlatform } from '../oci/platform.ts';
import { CommandError } from './command-error.ts';

/** Reads a flag's `os[/arch[/variant]]`, or an architecture alone. Throws CommandError. */
export function platformOf(text: string): Platform {
  try {
    return parsePlatform(text);
  } catch (reason) {
    throw new CommandError(`invalid platform: ${messageOf(reason)}`);
  }
}
