import { invalid } from '../../base/errors.ts';
import type { Platform } from '../../oci/image.ts';
import { formatPlatform, parsePlatform } from '../../oci/platform.ts';

/** What an annotation is of: a document, or the entry in the document above that names it. */
type AnnotationLevel = 'manifest' | 'index' | 'manifest-descriptor' | 'index-descriptor';

interface Annotation {
  readonly level: AnnotationLevel;
  /** Of the image that is meant; undefined for all. */
  readonly platform: Platform | undefined;
  readonly key: string;
  readonly value: string;
}

const keyPattern =
  /^annotation(?:-(manifest|index|manifest-descriptor|index-descriptor))?(?:\[([^\]]*)\])?\.(.+)$/s;

/**
 * Reads annotations as BuildKit's exporters take them: "annotation-manifest[linux/arm64].key". Those of an index's own descriptor are for
 * whoever writes one. Fails with `invalid-argument`.
 */
export function readAnnotations(attributes: Readonly<Record<string, string>>): readonly Annotation[] {
  return Object.entries(attributes).map(([name, value]) => {
    const [, level = 'manifest', platform, key] = keyPattern.exec(name) ?? [];
    if (key === undefined) throw invalid(`invalid annotation ${JSON.stringify(name)}`);
    if (platform !== undefined && level.startsWith('index')) {
      throw invalid(`${name}: an index is of all platforms, so its annotations cannot name one`);
    }
    const wanted = platform === undefined ? undefined : parsePlatform(platform);
    return { level: level as AnnotationLevel, platform: wanted, key, value };
  });
}

/** Those of one level, for the image of a platform; later ones win. Sorted, so that their order makes no other digest. */
export function annotationsOf(
  annotations: readonly Annotation[],
  level: AnnotationLevel,
  platform?: Platform,
): Readonly<Record<string, string>> {
  const found = annotations.filter(
    (each) =>
      each.level === level &&
      (each.platform === undefined ||
        (platform !== undefined && formatPlatform(each.platform) === formatPlatform(platform))),
  );
  const named = new Map(found.map(({ key, value }) => [key, value]));
  return Object.fromEntries([...named].sort(([one], [other]) => (one < other ? -1 : 1)));
}
