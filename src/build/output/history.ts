import type { ImageConfig } from '../../oci/image.ts';
import type { HistoryStep } from '../frontend/stage-state.ts';

export type HistoryEntry = NonNullable<ImageConfig['history']>[number];

/** A step whose root filesystem is made. */
export interface MadeStep {
  readonly step: HistoryStep;
  /** Layers that it added. */
  readonly added: number;
  /** When it was made; undefined for one that made nothing. */
  readonly created: Date | undefined;
  /** What was copied, by its content: "file:…", "dir:…" or "multi:…". */
  readonly content: string;
}

const COMMENT = 'buildkit.dockerfile.v0';

/**
 * Lines of an image's history in the words of either builder. A step that made more than one layer has as many lines, for each layer has
 * one. Times are as BuildKit gives them: a step without a layer has that of the layer below it, so that an image whose layers were all
 * found in the cache is the same image.
 */
export function historyEntries(
  base: readonly HistoryEntry[],
  steps: readonly MadeStep[],
  style: 'classic' | 'buildkit',
  sourceDate: number | undefined,
): HistoryEntry[] {
  const own = steps.flatMap((made) => {
    const created = sourceDate === undefined ? made.created : new Date(sourceDate * 1_000);
    const entry = entryOf(made, created, style);
    return Array.from({ length: Math.max(made.added, 1) }, () => entry);
  });
  return withTimes([...base, ...own]);
}

function entryOf(
  { step, added, content }: MadeStep,
  created: Date | undefined,
  style: 'classic' | 'buildkit',
): HistoryEntry {
  const isClassic = style === 'classic';
  return {
    ...(created === undefined ? {} : { created: timeText(created) }),
    created_by: isClassic ? classicLine(step, content) : step.createdBy,
    ...(isClassic && step.author !== '' ? { author: step.author } : {}),
    ...(isClassic ? {} : { comment: COMMENT }),
    ...(added === 0 ? { empty_layer: true } : {}),
  };
}

function classicLine({ classic }: HistoryStep, content: string): string {
  if (typeof classic === 'string') return classic;
  const { shell, keyword, owner, destination } = classic;
  const chown = owner === '' ? '' : `--chown=${owner} `;
  return `${shell} #(nop) ${keyword} ${chown}${content} in ${destination} `;
}

/** As Go writes times. */
export function timeText(time: Date): string {
  return time.toISOString().replace('.000Z', 'Z');
}

/**
 * Lines without a time get that of the line before; the first ones that of the first layer that is new, for they are not as old as the base
 * image.
 */
function withTimes(history: readonly HistoryEntry[]): HistoryEntry[] {
  const first = history.findIndex(({ created }) => created === undefined);
  if (first < 0) return [...history];
  const isTimed = ({ created }: HistoryEntry): boolean => created !== undefined;
  const next = history.slice(first).find(isTimed) ?? history.slice(0, first).findLast(isTimed);
  let time = next?.created;
  return history.map((entry, index) => {
    if (entry.created === undefined) return time === undefined ? entry : { created: time, ...entry };
    if (index > first) time = entry.created;
    return entry;
  });
}
