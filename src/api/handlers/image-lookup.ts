import { invalid, notFound } from '../../base/errors.ts';
import type { Engine } from '../../engine/contract.ts';
import type { Image } from '../../images/contract.ts';
import type { Platform } from '../../oci/image.ts';
import { normalisePlatform, platformFit } from '../../oci/platform.ts';
import { decodePlatform } from '../../wire/platform.ts';

/** The image that is there, when it is for the platform: JSON, or empty for any. */
export function imageFor(engine: Engine, name: string, platform: string): Image {
  const image = engine.images.get(name);
  const wanted = queryPlatform(platform);
  if (wanted === undefined || platformFit(wanted, normalisePlatform(image.platform)) > 0) return image;
  throw notFound(
    `image with reference ${name} was found but does not provide the specified platform (${wanted.os}/${wanted.architecture})`,
  );
}

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
