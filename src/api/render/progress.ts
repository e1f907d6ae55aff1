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

const pullTexts: Record<LayerProgress['step'], string> = {
  found: 'Pulling fs layer',
  known: 'Already exists',
  waiting: 'Waiting',
  receiving: 'Downloading',
  retrying: 'Retrying in ',
  verifying: 'Verifying Checksum',
  received: 'Download complete',
  unpacking: 'Extracting',
  unpacked: 'Pull complete',
};

/** How a layer comes, in the words of `docker pull`. */
export function pullMessage({ layer, step, current, total, seconds }: LayerProgress): ProgressMessage {
  const id = shortId(layer);
  if (step === 'receiving' || step === 'unpacking') {
    return transferProgress(pullTexts[step], id, current, total);
  }
  const detail = step === 'retrying' ? secondsText(seconds) : '';
  return { status: pullTexts[step] + detail, progressDetail: {}, id };
}

const pushTexts: Record<PushProgress['step'], string> = {
  preparing: 'Preparing',
  waiting: 'Waiting',
  pushing: 'Pushing',
  pushed: 'Pushed',
  exists: 'Layer already exists',
  mounted: 'Mounted from ',
  retrying: 'Retrying in ',
};

/** How a layer goes, in the words of `docker push`. */
export function pushMessage(progress: PushProgress): ProgressMessage {
  const { layer, step, current, total } = progress;
  const id = shortId(layer);
  if (step === 'pushing') return transferProgress(pushTexts[step], id, current, total);
  return { status: pushTexts[step] + pushDetail(progress), progressDetail: {}, id };
}

function pushDetail({ step, from = '', seconds }: PushProgress): string {
  if (step === 'mounted') return from;
  return step === 'retrying' ? secondsText(seconds) : '';
}

function secondsText(seconds = 0): string {
  return seconds === 1 ? '1 second' : `${seconds} seconds`;
}

function shortId(layer: string): string {
  return layer.slice('sha256:'.length, 'sha256:'.length + 12);
}

const barWidth = 50;

function bar(current: number, total: number): string {
  const filled = Math.min(Math.trunc((current / total) * barWidth), barWidth);
  const head = filled < barWidth ? '>' : '';
  const line = `${'='.repeat(filled)}${head}`.padEnd(barWidth);
  return `[${line}]  ${humanSize(current)}/${humanSize(total)}`;
}
