import type { Context } from '../../base/context.ts';
import type { Digest } from '../../oci/digest.ts';
import type { CopyOperation, CopySource } from '../definition/vertex.ts';
import { EntryHash } from '../files/entry-hash.ts';
import { TreeHash } from '../files/tree-hash.ts';
import { identityOf } from '../solver/result.ts';
import type { Step } from '../solver/step.ts';
import { checkSelected, selectSource } from './copy-sources.ts';
import type { OpenResults } from './open-result.ts';
import { Remembered } from './remembered.ts';
import type { Selection } from './selection.ts';

/** Sources remembered. */
const MAX_KNOWN = 2000;

/** What a copy's key says of one selection: the name that counts, where it comes, what it holds. */
type SelectionMeaning = readonly [name: string, under: string, digest: Digest];

/** What copies take, by content; remembered by the trees that it is taken of, as opening and reading those takes its time. */
export class SourceDigests {
  readonly #known = new Remembered<readonly SelectionMeaning[]>(MAX_KNOWN);

  /** Of each source, in their order. Fails as the copy would. */
  async of(step: Step<CopyOperation>, open: OpenResults): Promise<readonly (readonly SelectionMeaning[])[]> {
    const meanings: (readonly SelectionMeaning[])[] = [];
    for (const source of step.operation.sources) {
      const find = async (): Promise<readonly SelectionMeaning[]> =>
        Promise.all(
          (await selectSource(step, open, source)).map((selection) => meaningOf(step.context, selection)),
        );
      const identity = identityFor(step, source);
      meanings.push(identity === undefined ? await find() : await this.#known.get(identity, find));
    }
    checkSelected(step, meanings.flat().length);
    return meanings;
  }
}

/** What a source's meaning follows from; undefined where finding it out is as quick. */
function identityFor(
  { inputs, vertex, operation }: Step<CopyOperation>,
  source: CopySource,
): string | undefined {
  const input = source.type === 'input' ? inputs[source.input] : undefined;
  if (source.type !== 'input' || input === undefined) return undefined;
  const isDownload = vertex.inputs[source.input]?.operation.kind === 'http';
  return JSON.stringify([identityOf(input), { ...source, input: 0 }, operation.keepsParents, isDownload]);
}

async function meaningOf(context: Context, selection: Selection): Promise<SelectionMeaning> {
  const name = selection.isDirectory ? '' : selection.name;
  return [name, selection.under, await digestOf(context, selection)];
}

async function digestOf(context: Context, selection: Selection): Promise<Digest> {
  const { parents } = selection;
  const digest = await digestOfFiles(context, selection);
  if (parents.length === 0) return digest;
  const hash = new EntryHash();
  for (const parent of parents) hash.add(parent.name, parent, undefined);
  hash.add('.', { type: 'note', name: '.' }, digest);
  return hash.finish();
}

async function digestOfFiles(context: Context, selection: Selection): Promise<Digest> {
  const { tree, real, wanted, isWhole } = selection;
  const known = isWhole ? tree.digestAt?.(real) : undefined;
  if (known !== undefined) return known;
  const hash = new TreeHash();
  for await (const { header, content } of tree.list(context, real)) {
    if (wanted(header.name, header.type === 'directory')) hash.add(header.name, header, content);
  }
  return hash.finish();
}
