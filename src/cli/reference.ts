/** Image references as Docker's clients read them (https://github.com/distribution/reference documents the grammar). */

export interface Reference {
  /** `docker.io`, `registry.example:5000` */
  readonly domain: string;
  /** `library/busybox` */
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const defaultDomain = 'docker.io';
const invalidFormat = 'invalid reference format';
const pathPattern = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const domainPattern =
  /^(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(?::\d+)?$/;
const tagPattern = /^[\w][\w.-]{0,127}$/;
const digestPattern = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;

/** Throws an Error in Docker's words. */
export function parseReference(text: string): Reference {
  if (text === '') throw new Error(invalidFormat);
  if (/^[a-f0-9]{64}$/.test(text)) {
    throw new Error(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const named = at < 0 ? text : text.slice(0, at);
  const { domain, remainder } = splitDomain(named);
  const colon = remainder.indexOf(':');
  const path = colon < 0 ? remainder : remainder.slice(0, colon);
  const tag = colon < 0 ? undefined : remainder.slice(colon + 1);
  if (path.toLowerCase() !== path) {
    throw new Error(`${invalidFormat}: repository name (${remainder.split(':')[0]}) must be lowercase`);
  }
  const isValid =
    pathPattern.test(path) &&
    domainPattern.test(domain) &&
    path.length <= 255 &&
    (tag === undefined || tagPattern.test(tag)) &&
    (digest === undefined || digestPattern.test(digest));
  if (!isValid) throw new Error(invalidFormat);
  return { domain, path, tag, digest };
}

function splitDomain(named: string): { domain: string; remainder: string } {
  const slash = named.indexOf('/');
  const first = slash < 0 ? '' : named.slice(0, slash);
  const isDomain =
    slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  const given = isDomain ? first : defaultDomain;
  const domain = given === 'index.docker.io' ? defaultDomain : given;
  const remainder = isDomain ? named.slice(slash + 1) : named;
  if (domain === defaultDomain && !remainder.includes('/'))
    return { domain, remainder: `library/${remainder}` };
  return { domain, remainder };
}

/** Without the default registry and its library: `busybox`. */
export function familiarName({ domain, path }: Reference): string {
  if (domain !== defaultDomain) return `${domain}/${path}`;
  return /^library\/[^/]+$/.test(path) ? path.slice('library/'.length) : path;
}

export function familiarText(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return familiarName(reference) + tag + digest;
}

/** With `latest` where neither tag nor digest was given. */
export function withDefaultTag(reference: Reference): Reference {
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  return { ...reference, tag: 'latest' };
}

/** Whether the text is an image ID, not a name: 64 hexadecimal digits, or a digest. */
export function isImageId(text: string): boolean {
  return /^(?:[a-z0-9]+:)?[a-f0-9]{64}$/.test(text);
}
