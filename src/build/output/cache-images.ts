import type { Image } from '../../images/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import type { StageState } from '../frontend/stage-state.ts';
import type { FoundStep, StandIn } from '../solver/step-lookup.ts';
import { copiedContent } from './copied-content.ts';
import { historyEntries, type MadeStep } from './history.ts';
import { type Roots, stageTrail } from './stage-trail.ts';

/**
 * What images were made of, in place of the cache: as the classic builder does with `--cache-from`, a step is taken from an image whose
 * history, all lines up to the step's, is that of the build. A copy's line names its content.
 */
export function cacheImages(images: readonly Image[], stages: readonly StageState[], roots: Roots): StandIn {
  return async (vertex, key, below) => {
    for (const stage of stages) {
      const index = stage.history.findIndex(({ root }) => root === vertex);
      if (index < 0) continue;
      const made = await madeBefore(stage, index, roots);
      const step = stage.history[index];
      if (step === undefined) continue;
      const content = await copiedContent(vertex, key, roots);
      const own: MadeStep = { step, added: 1, created: undefined, content };
      const lines = historyEntries(stage.base?.history ?? [], [...made, own], 'classic', undefined);
      for (const image of images) {
        const found = stepAt(image, lines, below);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  };
}

/** The steps before one, which are made by now: the root below it is. */
async function madeBefore(stage: StageState, count: number, roots: Roots): Promise<MadeStep[]> {
  const history = stage.history.slice(0, count);
  return (await Array.fromAsync(stageTrail({ ...stage, history }, roots))).map(({ made }) => made);
}

/** What the last of the lines stands for, if the image begins with all of them, over those layers. */
function stepAt(
  { config: { history = [], rootfs } }: Image,
  lines: readonly { readonly created_by?: string; readonly empty_layer?: boolean }[],
  below: readonly Digest[],
): FoundStep | undefined {
  const last = history[lines.length - 1];
  if (last === undefined || last.empty_layer === true) return undefined;
  const isSame =
    lines.every(({ created_by: line }, index) => history[index]?.created_by === line) &&
    below.every((layer, index) => rootfs.diff_ids[index] === layer);
  const layer = rootfs.diff_ids[below.length];
  if (!isSame || layer === undefined) return undefined;
  return { layers: [layer], created: last.created === undefined ? undefined : new Date(last.created) };
}
