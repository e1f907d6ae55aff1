import { invalid } from '../../base/errors.ts';
import type { Platform } from '../../oci/image.ts';
import { normalisePlatform } from '../../oci/platform.ts';
import { decodePlatform } from '../../wire/platform.ts';

/** A platform of a query; undefined for none. Throws DecodeError. */
export function queryPlatform(text: string): Platform | undefined {
  return text === '' ? undefined : normalisePlatform(decodePlatform(text));
}

/** The one platform that a repeatable parameter may name. */
export function onePlatform(texts: readonly string[]): Platform | undefined {
  const [text = '', ...others] = texts;
  if (others.length > 0) throw invalid('only one platform may be given');
  return queryPlatform(text);
}
