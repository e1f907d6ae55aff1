import type { LayerProgress } from '../../images/contract.ts';
import type { ProgressMessage } from '../../wire/messages.ts';
import { humanSize } from '../../wire/sizes.ts';

/** Progress streams separate their values with CRLF, as Docker does. */
export function progressLine(message: ProgressMessage): string {
  return `${JSON.stringify(message)}\r\n`;
}

export function errorLine(message: string): string {
  return progressLine({ errorDetail: { message }, error: message });
}

/** Bytes done of bytes to do, as numbers and as the bar that old clients print. */
export function transferProgress(
  status: string,
  id: string,
  current: number,
  total: number,
): ProgressMessage {
  if (total <= 0) return { status, progressDetail: { current }, progress: humanSize(current), id };
  return { status, progressDetail: { current, total }, progress: bar(current, total), id };
}

const stepTexts: Record<LayerProgress['step'], string> = {
  found: 'Pulling fs layer',
  known: 'Already exists',
  waiting: 'Waiting',
  receiving: 'Downloading',
  verifying: 'Verifying Checksum',
  received: 'Download complete',
  unpacking: 'Extracting',
  unpacked: 'Pull complete',
};

/** How a layer gets on, in the words of `docker pull`. */
export function layerMessage({ layer, step, current, total }: LayerProgress): ProgressMessage {
  const id = layer.slice('sha256:'.length, 'sha256:'.length + 12);
  if (step === 'receiving' || step === 'unpacking')
    return transferProgress(stepTexts[step], id, current, total);
  return { status: stepTexts[step], progressDetail: {}, id };
}

const barWidth = 50;

function bar(current: number, total: number): string {
  const filled = Math.min(Math.trunc((current / total) * barWidth), barWidth);
  const head = filled < barWidth ? '>' : '';
  const line = `${'='.repeat(filled)}${head}`.padEnd(barWidth);
  return `[${line}]  ${humanSize(current)}/${humanSize(total)}`;
}
