import type { LayerProgress, PushProgress } from '../../images/contract.ts';
import type { ProgressMessage } from '../../wire/messages.ts';
import { humanSize } from '../../wire/sizes.ts';

/** Progress streams separate their values with CRLF, as Docker does. */
export function progressLine(message: ProgressMessage): string {
  return `${JSON.stringify(message)}\r\n`;
}

export function errorLine(message: string): string {
  return progressLine({ errorDetail: { message }, error: message });
}

/** Bytes done of bytes to do (0 when not known), as numbers and as the bar that old clients print. */
export function transferProgress(
  status: string,
  id: string,
  current: number,
  total: number,
): ProgressMessage {
  if (total <= 0) return { status, progressDetail: { current }, progress: humanSize(current), id };
  return { status, progressDetail: { current, total }, progress: bar(current, total), id };
}

type PullStep = Exclude<LayerProgress['step'], 'retrying'>;

const pullTexts: Record<PullStep, string> = {
  found: 'Pulling fs layer',
  known: 'Already exists',
  waiting: 'Waiting',
  receiving: 'Downloading',
  verifying: 'Verifying Checksum',
  received: 'Download complete',
  unpacking: 'Extracting',
  unpacked: 'Pull complete',
};

/** How a layer comes, in the words of `docker pull`. */
export function pullMessage(step: PullStep, { layer, current, total }: LayerProgress): ProgressMessage {
  const id = layerId(layer);
  if (step === 'receiving' || step === 'unpacking') {
    return transferProgress(pullTexts[step], id, current, total);
  }
  return { status: pullTexts[step], progressDetail: {}, id };
}

type PushStep = Exclude<PushProgress['step'], 'retrying'>;

const pushTexts: Record<PushStep, string> = {
  preparing: 'Preparing',
  waiting: 'Waiting',
  pushing: 'Pushing',
  pushed: 'Pushed',
  exists: 'Layer already exists',
  mounted: 'Mounted from ',
};

/** How a layer goes, in the words of `docker push`. */
export function pushMessage(
  step: PushStep,
  { layer, from = '', current, total }: PushProgress,
): ProgressMessage {
  const id = layerId(layer);
  if (step === 'pushing') return transferProgress(pushTexts[step], id, current, total);
  const status = step === 'mounted' ? pushTexts[step] + from : pushTexts[step];
  return { status, progressDetail: {}, id };
}

/** `seconds` are left until a layer is asked for again. */
export function retryMessage(id: string, seconds: number): ProgressMessage {
  const status = `Retrying in ${seconds} second${seconds === 1 ? '' : 's'}`;
  return { status, progressDetail: {}, id };
}

/** The short form of a layer's digest. */
export function layerId(layer: string): string {
  return layer.slice('sha256:'.length, 'sha256:'.length + 12);
}

const barWidth = 50;

function bar(current: number, total: number): string {
  const filled = Math.min(Math.trunc((current / total) * barWidth), barWidth);
  const head = filled < barWidth ? '>' : '';
  const line = `${'='.repeat(filled)}${head}`.padEnd(barWidth);
  return `[${line}]  ${humanSize(current)}/${humanSize(total)}`;
}
