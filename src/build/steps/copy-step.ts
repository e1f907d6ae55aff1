import { fromText } from '../../oci/tar/entry.ts';
import type { TreePart } from '../../runtime/trees/contract.ts';
import type { CopyOperation } from '../definition/vertex.ts';
import { openTarTree } from '../files/tar-tree.ts';
import { identityOf, type Result } from '../solver/result.ts';
import type { Made, Step, StepMaker } from '../solver/step.ts';
import { archiveParts, bytesOf, isArchive } from './archive-parts.ts';
import { type CopyChanges, copyParts } from './copy-parts.ts';
import { type SourceSelections, selectSources } from './copy-sources.ts';
import { Destination, type Owner } from './destination.ts';
import { layerTar } from './layer-tar.ts';
import { directoryMode, readMode } from './mode.ts';
import { OpenResults } from './open-result.ts';
import { Owners } from './owners.ts';
import type { FileStepParts } from './parts.ts';
import { quickKey } from './quick-key.ts';
import { SourceDigests } from './source-digests.ts';
import { secondsOf } from './times.ts';

type CopyStep = Step<CopyOperation>;

const root: Owner = { uid: 0, gid: 0 };

/** COPY and ADD: one layer of what is copied, with the directories that lead there. */
export class CopyMaker implements StepMaker<CopyOperation> {
  readonly #parts: FileStepParts;
  readonly #digests = new SourceDigests();
  readonly #owners: Owners;

  constructor(parts: FileStepParts) {
    this.#parts = parts;
    this.#owners = new Owners(parts);
  }

  /** What is copied counts by its content; what it is copied onto, unless it is a layer of its own. */
  async key(step: CopyStep): Promise<unknown> {
    const { operation, context } = step;
    await using open = new OpenResults(context, this.#parts);
    const taken = await this.#digests.of(step, open);
    const sources = operation.sources.map((source, index) => {
      const unpack = source.type === 'input' && source.unpack;
      return { unpack, taken: taken[index] };
    });
    const base = baseOf(step);
    return {
      kind: operation.kind,
      sources,
      destination: operation.destination,
      owner: await this.#owner(step),
      mode: operation.mode,
      style: step.surroundings.style,
      base: base === undefined ? null : identityOf(base),
      sourceDate: step.surroundings.sourceDate ?? null,
    };
  }

  quickKey(step: CopyStep): unknown {
    const { sources, owner } = step.operation;
    const looks = sources.some(
      (source) => source.type === 'input' && step.inputs[source.input]?.kind === 'layers',
    );
    return looks || owner !== '' ? quickKey(step) : undefined;
  }

  async make(step: CopyStep): Promise<Made> {
    const { context, lease, surroundings } = step;
    const changes = {
      owner: await this.#owner(step),
      mode: step.operation.mode === '' ? undefined : readMode(step.operation.mode),
      replaces: surroundings.style === 'classic',
    };
    await using sources = new OpenResults(context, this.#parts);
    // Of its own, as the source may be the same.
    await using below = new OpenResults(context, this.#parts);
    const selected = await selectSources(step, sources);
    if (selected.every(({ selections }) => selections.length === 0)) return { kind: 'added', layers: [] };
    const base = baseOf(step);
    const tree = base === undefined || isScratch(base) ? undefined : await below.tree(base);
    const destination = new Destination(context, tree, {
      ...(changes.owner ?? root),
      // What is unpacked is not what the mode is for.
      mode: sourcesUnpack(step) ? 0o755 : directoryMode(step.operation.mode),
      seconds: secondsOf(surroundings),
    });
    const tar = layerTar(this.#members(step, destination, selected, changes), surroundings.sourceDate);
    const { diffId } = await this.#parts.images.receiveLayer(context, lease, tar);
    return { kind: 'added', layers: [diffId] };
  }

  async *#members(
    step: CopyStep,
    destination: Destination,
    selected: readonly SourceSelections[],
    changes: CopyChanges,
  ): AsyncGenerator<TreePart, void, void> {
    const { context } = step;
    const path = fromText(step.operation.destination);
    for (const { source, selections } of selected) {
      for (const selection of selections) {
        const unpacks = source.type === 'input' && source.unpack && (await isArchive(context, selection));
        if (!unpacks) yield* copyParts(context, destination, selection, path, changes);
        else {
          const archive = await openTarTree(context, bytesOf(context, selection), {
            ...{ directory: this.#parts.directory, zeroOwners: false },
            ...(this.#parts.maxBytes === undefined ? {} : { maxBytes: this.#parts.maxBytes }),
          });
          using _tree = archive.tree;
          // The classic builder keeps the archive's owners, whatever was asked for.
          const owner = changes.replaces ? undefined : changes.owner;
          yield* archiveParts(context, destination, archive, path, owner);
        }
      }
    }
  }

  /** By the account files of what is copied onto, even for a layer of its own: its key says whom they meant. */
  async #owner(step: CopyStep): Promise<Owner | undefined> {
    return step.operation.owner === '' ? undefined : this.#owners.of(step, step.operation.owner);
  }
}

/** What the layer goes on top of, as far as that matters to it. */
function baseOf({ operation, inputs }: CopyStep): Result | undefined {
  return operation.link ? undefined : inputs[0];
}

function sourcesUnpack({ operation }: CopyStep): boolean {
  return operation.sources.some((source) => source.type === 'input' && source.unpack);
}

function isScratch(result: Result): boolean {
  return result.kind === 'layers' && result.layers.length === 0;
}
