import { messageOf } from '../base/errors.ts';
import type { Platform } from '../client/images.ts';
import { parsePlatform } from '../oci/platform.ts';
import { CommandError } from './command-error.ts';

/**
 * Reads a flag's `os[/arch[/variant]]`, or an architecture alone. Throws CommandError, whose message begins with `prefix`. Parts are in the
 * order in which Docker sends them.
 */
export function platformOf(text: string, prefix = 'invalid platform: '): Platform {
  try {
    const { architecture, os, variant } = parsePlatform(text);
    return { architecture, os, ...(variant === undefined ? {} : { variant }) };
  } catch (reason) {
    throw new CommandError(prefix + messageOf(reason));
  }
}
