import { conflict } from '../../base/errors.ts';
import { fromText } from '../../oci/tar/entry.ts';
import type { TreePart } from '../../runtime/trees/contract.ts';
import type { DirectoryOperation } from '../definition/vertex.ts';
import { identityOf } from '../solver/result.ts';
import type { Made, Step, StepMaker } from '../solver/step.ts';
import { Destination, type Owner } from './destination.ts';
import { layerTar } from './layer-tar.ts';
import { OpenResults } from './open-result.ts';
import { Owners } from './owners.ts';
import type { FileStepParts } from './parts.ts';
import { quickKey } from './quick-key.ts';
import { secondsOf } from './times.ts';

const root: Owner = { uid: 0, gid: 0 };

/** WORKDIR: a directory with its parents; no layer where it is there already. */
export class DirectoryMaker implements StepMaker<DirectoryOperation> {
  readonly #parts: FileStepParts;
  readonly #owners: Owners;

  constructor(parts: FileStepParts) {
    this.#parts = parts;
    this.#owners = new Owners(parts);
  }

  async key(step: Step<DirectoryOperation>): Promise<unknown> {
    const { operation, inputs, surroundings } = step;
    const { kind, path, mode } = operation;
    const base = inputs.map(identityOf);
    const owner = await this.#owner(step);
    return { kind, path, mode, owner, base, sourceDate: surroundings.sourceDate ?? null };
  }

  quickKey(step: Step<DirectoryOperation>): unknown {
    return step.operation.owner === '' ? undefined : quickKey(step);
  }

  async make(step: Step<DirectoryOperation>): Promise<Made> {
    const { context, lease, operation, inputs, surroundings } = step;
    const owner = await this.#owner(step);
    await using open = new OpenResults(context, this.#parts);
    const [base] = inputs;
    const tree = base === undefined ? undefined : await open.tree(base);
    const destination = new Destination(context, tree, {
      ...owner,
      mode: 0o755,
      seconds: secondsOf(surroundings),
    });
    const path = await destination.resolve(fromText(operation.path));
    const kind = await destination.kindOf(path);
    if (kind === 'directory') return { kind: 'added', layers: [] };
    if (kind !== undefined && surroundings.style === 'classic') {
      throw conflict(`Cannot mkdir: ${operation.path} is not a directory`);
    }
    const headers = await destination.directories(path);
    const own = headers.map((header) =>
      header.name === path ? { ...header, mode: operation.mode } : header,
    );
    const tar = layerTar(partsOf(own), surroundings.sourceDate);
    const { diffId } = await this.#parts.images.receiveLayer(context, lease, tar);
    return { kind: 'added', layers: [diffId] };
  }

  /** The classic builder's directories are root's. */
  async #owner(step: Step<DirectoryOperation>): Promise<Owner> {
    const { owner } = step.operation;
    return owner === '' || step.surroundings.style === 'classic' ? root : this.#owners.of(step, owner);
  }
}

async function* partsOf(parts: readonly TreePart[]): AsyncGenerator<TreePart, void, void> {
  yield* parts;
}
