import { encodeFrame, FRAME_HEADER_SIZE, writeFrameHeader } from '../frames.ts';
import type { TreePart } from './contract.ts';
import { PartsFrame } from './encode.ts';
import { RECORD_HEAD, TREE_FRAME_MAX, treeFrames } from './protocol.ts';
import type { TreeSession } from './session.ts';

/** Data of this size travels as it is, in a frame of its own. */
const LARGE = 64 * 1024;
const RUN_MAX = TREE_FRAME_MAX - RECORD_HEAD;

/**
 * Sends all parts and their end, no faster than they are taken; or until `stopped`, when the session has said that it wants no more. When the
 * source fails, the session is told that there will be no more and the source's error is thrown.
 */
export async function sendParts(
  session: TreeSession,
  parts: AsyncIterable<TreePart>,
  stopped: AbortSignal,
): Promise<void> {
  const frame = new PartsFrame();
  try {
    for await (const part of parts) {
      if (stopped.aborted) return;
      if (part instanceof Uint8Array) await addData(session, frame, part);
      else {
        if (frame.full) await session.send(frame.take());
        frame.addHeader(part);
      }
    }
  } catch (error) {
    if (!session.ended && !stopped.aborted) await session.send(encodeFrame(treeFrames.cancel));
    throw error;
  }
  if (stopped.aborted) return;
  if (!frame.empty) await session.send(frame.take());
  await session.send(encodeFrame(treeFrames.end));
}

function addData(session: TreeSession, frame: PartsFrame, data: Uint8Array): Promise<void> | undefined {
  if (data.length >= LARGE) return sendLarge(session, frame, data);
  if (data.length + RECORD_HEAD <= frame.room) {
    frame.addData(data);
    return undefined;
  }
  return sendThenAdd(session, frame, data);
}

async function sendThenAdd(session: TreeSession, frame: PartsFrame, data: Uint8Array): Promise<void> {
  if (!frame.empty) await session.send(frame.take());
  frame.addData(data);
}

async function sendLarge(session: TreeSession, frame: PartsFrame, data: Uint8Array): Promise<void> {
  if (!frame.empty) await session.send(frame.take());
  for (let at = 0; at < data.length; at += RUN_MAX) {
    const run = data.subarray(at, at + RUN_MAX);
    const head = Buffer.alloc(FRAME_HEADER_SIZE + RECORD_HEAD);
    writeFrameHeader(head, treeFrames.parts, RECORD_HEAD + run.length);
    head.writeUInt32LE(run.length, FRAME_HEADER_SIZE + 4);
    // A frame may not be torn by another: both are handed over before the first is awaited.
    await Promise.all([session.send(head), session.send(run)]);
  }
}
