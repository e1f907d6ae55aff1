import { invalid, notFound } from '../../base/errors.ts';
import { fromText, toText } from '../../oci/tar/entry.ts';
import type { CopyOperation, CopySource } from '../definition/vertex.ts';
import type { FileTree } from '../file-tree.ts';
import { SingleFileTree } from '../files/single-file-tree.ts';
import type { Step } from '../solver/step.ts';
import { missingSource } from './missing-source.ts';
import type { OpenResults } from './open-result.ts';
import { type InputSource, MissingSource, type Selection, selectInTree } from './selection.ts';
import { secondsOf } from './times.ts';

export interface SourceSelections {
  readonly source: CopySource;
  readonly selections: readonly Selection[];
}

/** What all sources of a copy mean, in their order. Fails with `not-found` in the words of the build's style. */
export async function selectSources(
  step: Step<CopyOperation>,
  open: OpenResults,
): Promise<readonly SourceSelections[]> {
  const selected: SourceSelections[] = [];
  for (const source of step.operation.sources) {
    selected.push({ source, selections: await selectSource(step, open, source) });
  }
  checkSelected(step, selected.flatMap(({ selections }) => selections).length);
  return selected;
}

/** What one source of a copy means. */
export async function selectSource(
  step: Step<CopyOperation>,
  open: OpenResults,
  source: CopySource,
): Promise<readonly Selection[]> {
  return source.type === 'inline' ? [inline(step, source)] : select(step, open, source);
}

async function select(
  step: Step<CopyOperation>,
  open: OpenResults,
  source: InputSource,
): Promise<readonly Selection[]> {
  const input = step.inputs[source.input];
  if (input === undefined) throw invalid(`the copy has no input ${source.input}`);
  const tree = await open.tree(input);
  try {
    return await selectInTree(
      step.context,
      tree,
      await downloaded(step, tree, source),
      step.operation.keepsParents,
    );
  } catch (error) {
    if (error instanceof MissingSource) throw missing(step, source.input, error.path);
    throw error;
  }
}

/** A download is its one file. */
async function downloaded(
  { context, vertex }: Step<CopyOperation>,
  tree: FileTree,
  source: InputSource,
): Promise<InputSource> {
  if (vertex.inputs[source.input]?.operation.kind !== 'http') return source;
  const [name = ''] = await tree.names(context, '/');
  return { ...source, path: `/${toText(name)}` };
}

function inline({ surroundings }: Step<CopyOperation>, source: { name: string; content: string }): Selection {
  const name = fromText(source.name.slice(source.name.lastIndexOf('/') + 1));
  const seconds = secondsOf(surroundings);
  const tree = new SingleFileTree({ type: 'file', name, mode: 0o644, seconds }, Buffer.from(source.content));
  return {
    ...{ tree, name, real: `/${name}`, isDirectory: false, isFile: true },
    ...{ wanted: () => true, isWhole: true, under: '', parents: [] },
  };
}

function missing({ vertex, surroundings }: Step<CopyOperation>, input: number, path: string): Error {
  if (surroundings.style === 'classic') {
    const isContext = vertex.inputs[input]?.operation.kind === 'local';
    const what = isContext ? 'file not found in build context or excluded by .dockerignore: ' : '';
    return notFound(`${nameOf(vertex.note.name)} failed: ${what}stat ${path.slice(1)}: file does not exist`);
  }
  return missingSource(vertex, input, path);
}

/** What the classic builder says of the number of things to copy; BuildKit takes any. */
export function checkSelected({ operation, vertex, surroundings }: Step<CopyOperation>, count: number): void {
  if (surroundings.style !== 'classic') return;
  const name = nameOf(vertex.note.name);
  if (count === 0) throw invalid(`${name} failed: no source files were specified`);
  if (count > 1 && !operation.destination.endsWith('/')) {
    throw invalid(
      `When using ${name} with more than one source file, the destination must be a directory and end with a /`,
    );
  }
}

function nameOf(step: string): string {
  return /\bADD\b/.test(step.slice(0, 40)) ? 'ADD' : 'COPY';
}
