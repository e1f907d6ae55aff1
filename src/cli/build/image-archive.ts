import { isJsonObject, type JsonObject } from '../../base/json.ts';
import { familiarReference, formatReference, parseReference, withDefaultTag } from '../../oci/reference.ts';
import { readTar, type TarMember } from '../../oci/tar/archive.ts';
import type { TarEntry } from '../../oci/tar/entry.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import { CommandError } from '../command-error.ts';

export interface ArchiveChanges {
  /** An OCI layout has nothing of Docker's own beside it. */
  readonly format: 'docker' | 'oci';
  /** Names that the image gets in the archive alone; without any it keeps those that it has there. */
  readonly names: readonly string[];
  /** Of the layout's entries. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Entries of a layout that is there already: those that have another name stay. */
  readonly others: readonly JsonObject[];
}

const MAX_DOCUMENT = 16 << 20;
const INDEX = 'index.json';
const DOCKER_INDEX = 'manifest.json';
const NAME = 'io.containerd.image.name';
const TAG = 'org.opencontainers.image.ref.name';

/** The archive that `save` writes, with its image named and annotated as a build wants it. */
export async function* changedArchive(
  archive: AsyncIterable<Uint8Array>,
  changes: ArchiveChanges,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const member of readTar(archive)) {
    const { entry } = member;
    if (entry.name === INDEX) yield* document(entry, indexOf(await parsed(member), changes));
    else if (entry.name === DOCKER_INDEX) {
      const value = await parsed(member);
      if (changes.format === 'docker') yield* document(entry, dockerIndexOf(value, changes));
    } else if (entry.name !== 'repositories' || (changes.format === 'docker' && changes.names.length === 0)) {
      yield formatTarHeader(entry);
      yield* member.body();
      yield tarPadding(entry.type === 'file' ? entry.size : 0);
    }
  }
  yield tarEnd;
}

async function parsed(member: TarMember): Promise<unknown> {
  return JSON.parse(await member.text(MAX_DOCUMENT));
}

function* document(entry: TarEntry, value: unknown): Generator<Uint8Array, void, void> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  yield formatTarHeader({ ...entry, size: bytes.length });
  yield bytes;
  yield tarPadding(bytes.length);
}

/** One entry for each name. */
function indexOf(value: unknown, { names, annotations, others }: ArchiveChanges): JsonObject {
  const index = isJsonObject(value) ? value : {};
  const entries = manifestsIn(index);
  const named =
    names.length === 0 ? entries : entries.flatMap((entry) => names.map((name) => nameIt(entry, name)));
  const own = named.map((entry) => annotated(entry, annotations));
  const taken = new Set(own.map(tagOf));
  return { ...index, manifests: [...others.filter((entry) => !taken.has(tagOf(entry))), ...own] };
}

/** What a layout's index names. Throws CommandError for what is no index. */
export function manifestsIn(index: unknown): readonly JsonObject[] {
  const manifests = isJsonObject(index) ? index['manifests'] : undefined;
  if (!Array.isArray(manifests))
    throw new CommandError('an OCI layout has no list of manifests in its index.json');
  return manifests.filter(isJsonObject);
}

function nameIt(entry: JsonObject, name: string): JsonObject {
  const reference = withDefaultTag(parseReference(name));
  return annotated(entry, { [NAME]: formatReference(reference), [TAG]: reference.tag ?? '' });
}

function annotated(entry: JsonObject, annotations: Readonly<Record<string, string>>): JsonObject {
  if (Object.keys(annotations).length === 0) return entry;
  const own = entry['annotations'];
  return { ...entry, annotations: { ...(isJsonObject(own) ? own : {}), ...annotations } };
}

/** Layouts know an image by its tag, or by nothing but its digest. */
function tagOf({ annotations, digest }: JsonObject): unknown {
  const tag = isJsonObject(annotations) ? annotations[TAG] : undefined;
  return tag ?? digest;
}

function dockerIndexOf(value: unknown, { names }: ArchiveChanges): unknown {
  if (names.length === 0 || !Array.isArray(value)) return value;
  const RepoTags = names.map((name) => familiarReference(withDefaultTag(parseReference(name))));
  return value.map((item: unknown, index) =>
    index === 0 && isJsonObject(item) ? { ...item, RepoTags } : item,
  );
}
