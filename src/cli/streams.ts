import type { Frame } from '../client/frames.ts';
import type { Io } from './io.ts';

/** Which of the two outputs are wanted. */
export interface Outputs {
  readonly stdout: boolean;
  readonly stderr: boolean;
}

const both: Outputs = { stdout: true, stderr: true };

/** A terminal's output: all of it on standard output. */
export async function copyRaw(output: AsyncIterable<Uint8Array>, io: Io): Promise<void> {
  for await (const chunk of output) await io.outBytes(chunk);
}

/** Multiplexed output, each stream to its own. The daemon's own error in the stream ends it. */
export async function copyFrames(
  frames: AsyncIterable<Frame>,
  io: Io,
  wanted: Outputs = both,
): Promise<void> {
  for await (const { stream, data } of frames) {
    if (stream === 'error') {
      throw new Error(`error from daemon in stream: ${new TextDecoder().decode(data)}`);
    }
    if (stream === 'stderr') {
      if (wanted.stderr) await io.errBytes(data);
    } else if (wanted.stdout) await io.outBytes(data);
  }
}
