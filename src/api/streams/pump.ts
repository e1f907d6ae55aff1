import { setTimeout as sleep } from 'node:timers/promises';
import type { Attachment } from '../../runtime/contract.ts';
import { ConnectionClosed } from '../http/connection.ts';
import { payloads } from './frames.ts';

/** The client's side of a stream: a hijacked connection, or a websocket. */
export interface Peer {
  /** Undefined at the end of the client's input. */
  read(): Promise<Uint8Array | undefined>;
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Ends our stream. */
  finish(): void;
  /** Says once when the client has gone altogether. */
  onClose(listener: () => void): void;
}

export interface PumpOptions {
  /** Whether the client's input goes to the process; else it is thrown away. */
  readonly stdin: boolean;
  /** Send bytes as they are instead of frames: for a terminal. */
  readonly raw: boolean;
  /**
   * Milliseconds before the first bytes: docker-py reads an answer's head through a buffer and takes the stream from below it, so what
   * arrives together with the head is lost to it. 0 where something else takes its time.
   */
  readonly headStart: number;
}

/** Carries bytes between a client and a process, each way with back-pressure, until the process's output ends or the client is gone. */
export async function pump(peer: Peer, attachment: Attachment, options: PumpOptions): Promise<void> {
  await using attached = attachment;
  peer.onClose(() => {
    // Ends the frames, and so this function, which disposes again and tells what goes wrong.
    attached[Symbol.asyncDispose]().then(undefined, () => {});
  });
  feed(peer, attached, options.stdin).catch(() => {
    // The process went away while the client was still typing; its output tells the end.
  });
  try {
    await sleep(options.headStart);
    for await (const bytes of options.raw ? payloads(attached.frames) : attached.frames) {
      const waiting = peer.write(bytes);
      if (waiting !== undefined) await waiting;
    }
  } catch (error) {
    if (!(error instanceof ConnectionClosed)) throw error;
  } finally {
    peer.finish();
  }
}

/** The end of the client's input closes only the process's standard input. */
async function feed(peer: Peer, attachment: Attachment, stdin: boolean): Promise<void> {
  for (let bytes = await peer.read(); bytes !== undefined; bytes = await peer.read()) {
    if (stdin) await attachment.write(bytes);
  }
  if (stdin) await attachment.end();
}
