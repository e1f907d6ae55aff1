import type { Digest } from '../../oci/digest.ts';
import type { ImageConfig, ImageProcess, Platform } from '../../oci/image.ts';
import { type HistoryEntry, historyEntries, type MadeStep, timeText } from './history.ts';
import { tidyProcess } from './image-process.ts';

export interface ImageParts {
  /** Of the image that was begun with; undefined for none. */
  readonly base: ImageConfig | undefined;
  readonly process: ImageProcess;
  readonly author: string;
  readonly platform: Platform;
  /** All layers, bottom first. */
  readonly layers: readonly Digest[];
  readonly steps: readonly MadeStep[];
  readonly style: 'classic' | 'buildkit';
  /** Seconds since the epoch that stand for now. */
  readonly sourceDate: number | undefined;
}

/** An image's configuration with the keys that BuildKit writes, in its order. The same parts give the same bytes. */
export function imageConfig(parts: ImageParts): ImageConfig {
  const { base, process, author, platform, layers, steps, style, sourceDate } = parts;
  const { architecture, os, variant, 'os.version': version, 'os.features': features } = platform;
  const history = historyEntries(base?.history ?? [], steps, style, sourceDate);
  return {
    architecture,
    ...(author === '' ? {} : { author }),
    config: tidyProcess(process, style),
    created: createdAt(history, base, sourceDate),
    history,
    os,
    ...(features === undefined ? {} : { 'os.features': features }),
    ...(version === undefined ? {} : { 'os.version': version }),
    rootfs: { type: 'layers', diff_ids: layers },
    ...(variant ? { variant } : {}),
  };
}

function createdAt(
  history: readonly HistoryEntry[],
  base: ImageConfig | undefined,
  sourceDate: number | undefined,
): string {
  if (sourceDate !== undefined) return timeText(new Date(sourceDate * 1_000));
  return (
    history.findLast(({ created }) => created !== undefined)?.created ?? base?.created ?? timeText(new Date())
  );
}
