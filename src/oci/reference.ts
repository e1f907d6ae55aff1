import { invalid } from '../base/errors.ts';
import { type Digest, isDigest } from './digest.ts';

/**
 * An image's name, normalised: "docker.io/library/busybox:latest". Grammar and defaults as in the distribution project's reference
 * package: a first component with a dot, a colon, or "localhost" is a registry's domain; Docker Hub is what is not said.
 */
export interface Reference {
  /** Host and optional port, "docker.io" by default. */
  readonly domain: string;
  /** Repository below the domain, "library/busybox". */
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

const DEFAULT_DOMAIN = 'docker.io';
const OFFICIAL = 'library/';
const MAX_NAME_LENGTH = 255;

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const domainLabel = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domainPattern = new RegExp(
  `^(?:${domainLabel}(?:\\.${domainLabel})*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?$`,
);
const pathPattern = new RegExp(`^${component}(?:/${component})*$`);
const tagPattern = /^[\w][\w.-]{0,127}$/;
const identifierPattern = /^[a-f0-9]{64}$/;

/** Reads any form that people type. Fails with `invalid-argument` "invalid reference format…". */
export function parseReference(text: string): Reference {
  if (identifierPattern.test(text)) {
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  const { name, tag, digest } = splitReference(text);
  const { domain, path } = splitDomain(name);
  if (path.toLowerCase() !== path) {
    throw invalid(`invalid reference format: repository name (${path}) must be lowercase`);
  }
  const wellFormed =
    domainPattern.test(domain) && pathPattern.test(path) && (tag === undefined || tagPattern.test(tag));
  if (!wellFormed) throw invalid('invalid reference format');
  if (domain.length + 1 + path.length > MAX_NAME_LENGTH) {
    throw invalid(
      `invalid reference format: repository name must not be more than ${MAX_NAME_LENGTH} characters`,
    );
  }
  return { domain, path, tag, digest };
}

function splitReference(text: string): { name: string; tag: string | undefined; digest: Digest | undefined } {
  let name = text;
  let digest: Digest | undefined;
  const at = name.indexOf('@');
  if (at >= 0) {
    const digestText = name.slice(at + 1);
    if (!isDigest(digestText)) throw invalid('invalid reference format');
    digest = digestText;
    name = name.slice(0, at);
  }
  const colon = name.lastIndexOf(':');
  if (colon < 0 || colon < name.lastIndexOf('/')) return { name, tag: undefined, digest };
  return { name: name.slice(0, colon), tag: name.slice(colon + 1), digest };
}

function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const namesDomain = /[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first;
  const domain = slash >= 0 && namesDomain ? first : DEFAULT_DOMAIN;
  const path = slash >= 0 && namesDomain ? name.slice(slash + 1) : name;
  if (domain !== DEFAULT_DOMAIN && domain !== 'index.docker.io') return { domain, path };
  return { domain: DEFAULT_DOMAIN, path: path.includes('/') ? path : `${OFFICIAL}${path}` };
}

/** The same name with "latest" where neither tag nor digest is given. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined
    ? { ...reference, tag: 'latest' }
    : reference;
}

/** "docker.io/library/busybox", without tag and digest. */
export function repositoryOf(reference: Reference): string {
  return `${reference.domain}/${reference.path}`;
}

/** The whole normalised text. */
export function formatReference(reference: Reference): string {
  return repositoryOf(reference) + suffixOf(reference);
}

/** What people read: "busybox:latest" for "docker.io/library/busybox:latest". */
export function familiarReference(reference: Reference): string {
  return familiarRepository(reference) + suffixOf(reference);
}

/** The familiar form of the repository alone. Only "library/name" loses its "library": with more parts it would mean something else. */
export function familiarRepository(reference: Reference): string {
  if (reference.domain !== DEFAULT_DOMAIN) return repositoryOf(reference);
  const name = reference.path.slice(OFFICIAL.length);
  return reference.path.startsWith(OFFICIAL) && !name.includes('/') ? name : reference.path;
}

/** Whether the text is an image's ID, not its name: 64 hex digits, or a digest. */
export function isImageId(text: string): boolean {
  return identifierPattern.test(text.replace(/^[a-z0-9]+:/, ''));
}

function suffixOf(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  return reference.digest === undefined ? tag : `${tag}@${reference.digest}`;
}
