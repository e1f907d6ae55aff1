import type { Context } from '../../base/context.ts';
import type { LayerLease } from '../../images/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import type { TreePart } from '../../runtime/trees/contract.ts';
import type { SnapshotDriver } from '../../snapshots/contract.ts';
import type { FileTree } from '../file-tree.ts';
import { InFlight } from '../solver/in-flight.ts';
import type { Result } from '../solver/result.ts';
import { layerTar } from './layer-tar.ts';
import type { FileStepParts } from './parts.ts';

/** Trees remembered. */
const MAX_KNOWN = 1000;

/** Results as layers: files become one, for whoever has to mount them. */
export class ResultLayers {
  readonly #parts: Pick<FileStepParts, 'images'> & {
    readonly snapshots: Pick<SnapshotDriver, 'hasLayer'>;
  };
  readonly #inFlight: InFlight;
  readonly #known = new Map<Digest, Digest>();

  constructor(
    parts: Pick<FileStepParts, 'images'> & { readonly snapshots: Pick<SnapshotDriver, 'hasLayer'> },
  ) {
    this.#parts = parts;
    this.#inFlight = new InFlight(parts.images);
  }

  /** The layers of a result, bottom first, held by the lease. Trees with the same content share their layer while it is here. */
  async of(context: Context, lease: LayerLease, result: Result): Promise<readonly Digest[]> {
    if (result.kind === 'layers') {
      await result.bring?.();
      return result.layers;
    }
    const { tree } = result;
    const known = this.#known.get(tree.digest);
    if (known !== undefined) {
      lease.hold(known);
      if (await this.#parts.snapshots.hasLayer(known)) return [known];
    }
    return this.#inFlight.run(context, tree.digest, lease, (own, held) => this.#make(own, held, tree));
  }

  async #make(context: Context, lease: LayerLease, tree: FileTree): Promise<readonly Digest[]> {
    const tar = layerTar(absolute(tree.read(context, '/', () => true)), undefined);
    const { diffId } = await this.#parts.images.receiveLayer(context, lease, tar);
    this.#known.delete(tree.digest);
    this.#known.set(tree.digest, diffId);
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value ?? diffId);
    return [diffId];
  }
}

/** Names as those of a root. */
async function* absolute(parts: AsyncIterable<TreePart>): AsyncGenerator<TreePart, void, void> {
  for await (const part of parts) {
    if (part instanceof Uint8Array) yield part;
    else {
      const linkName = part.type === 'hardlink' ? `/${part.linkName}` : (part.linkName ?? '');
      yield { ...part, linkName, name: part.name === '.' ? '/' : `/${part.name}` };
    }
  }
}
