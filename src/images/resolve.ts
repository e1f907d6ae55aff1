import { invalid, notFound } from '../base/errors.ts';
import { hexOf } from '../oci/digest.ts';
import {
  familiarReference,
  formatReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from '../oci/reference.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';

/**
 * Finds an image as Docker does: a full ID, then a name, then a unique ID prefix (with or without "sha256:"). A prefix that several
 * images share fails with `invalid-argument`.
 */
export function resolveImage(store: ImageStore, text: string): ImageRecord | undefined {
  return findByFullId(store, text) ?? findByName(store, text) ?? findByPrefix(store, text);
}

/** The same, failing with `not-found` "No such image: X". */
export function requireImage(store: ImageStore, text: string): ImageRecord {
  const found = resolveImage(store, text);
  if (found === undefined) throw notFound(`No such image: ${spelledOut(text)}`);
  return found;
}

/** Whether the text means the image by its ID or a prefix of it, not by a name. */
export function isIdOf(record: ImageRecord, text: string): boolean {
  const hex = text.startsWith('sha256:') ? text.slice('sha256:'.length) : text;
  return /^[0-9a-f]+$/.test(hex) && hexOf(record.id).startsWith(hex);
}

function findByFullId(store: ImageStore, text: string): ImageRecord | undefined {
  const hex = text.startsWith('sha256:') ? text.slice('sha256:'.length) : text;
  return /^[0-9a-f]{64}$/.test(hex) ? store.get(`sha256:${hex}`) : undefined;
}

function findByName(store: ImageStore, text: string): ImageRecord | undefined {
  const reference = tryParse(text);
  if (reference === undefined) return undefined;
  if (reference.digest !== undefined) {
    return (
      store.resolve(formatReference({ ...reference, tag: undefined })) ?? digestOfImage(store, reference)
    );
  }
  return store.resolve(formatReference(withDefaultTag(reference)));
}

/** "name@sha256:<image ID>" names the image too, if one of its tags is in that repository. */
function digestOfImage(store: ImageStore, reference: Reference): ImageRecord | undefined {
  const record = reference.digest === undefined ? undefined : store.get(reference.digest);
  if (record === undefined) return undefined;
  const repository = formatReference({ ...reference, tag: undefined, digest: undefined });
  return store.referencesOf(record.id).some((name) => name.startsWith(`${repository}:`)) ? record : undefined;
}

function findByPrefix(store: ImageStore, text: string): ImageRecord | undefined {
  const hex = text.startsWith('sha256:') ? text.slice('sha256:'.length) : text;
  if (!/^[0-9a-f]{1,63}$/.test(hex)) return undefined;
  const matches = [...store.all()].filter((record) => hexOf(record.id).startsWith(hex));
  if (matches.length > 1) throw invalid(`multiple IDs found with provided prefix: ${hex}`);
  return matches[0];
}

function tryParse(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

function spelledOut(text: string): string {
  const reference = tryParse(text);
  return reference === undefined ? text : familiarReference(withDefaultTag(reference));
}
