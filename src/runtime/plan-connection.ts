import { connect, type Socket } from 'node:net';
import type { Context } from '../base/context.ts';
import { internal, messageOf, SampanError } from '../base/errors.ts';
import type { Following, PlanFailure, PlanResults } from '../plan/contract.ts';
import { encodePlan } from '../plan/encode.ts';
import type { Plan } from '../plan/operations.ts';
import { PlanError } from '../plan/plan-error.ts';
import { FRAME_HEADER_SIZE, type Frame, FrameReader, launcherFrames, writeFrameHeader } from './frames.ts';

/** What happens on a connection to the launcher. Exactly one `closed` comes, last. */
interface PlanListener {
  frame(frame: Frame): void;
  /** The connection's end: with a cause when it could not be made, broke, or spoke nonsense. */
  closed(cause: Error | undefined): void;
}

/**
 * Sends a plan to the launcher that listens on `socketPath` and stays connected: the connection is the plan's control channel.
 * Throws `invalid-argument` for a plan that cannot be encoded. Destroying the socket abandons the plan, which may still be carried out.
 */
function connectPlan(socketPath: string, plan: Partial<Plan>, listener: PlanListener): Socket {
  const request = planFrame(plan);
  const socket = connect(socketPath);
  const reader = new FrameReader();
  let cause: Error | undefined;
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const frame of reader.push(chunk)) listener.frame(frame);
    } catch (error) {
      socket.destroy(error instanceof Error ? error : internal(messageOf(error)));
    }
  });
  socket.on('error', (error) => {
    cause = error;
  });
  socket.on('close', () => listener.closed(cause));
  socket.write(request);
  return socket;
}

/** The frame that a plan travels in. Throws `invalid-argument` for one that cannot be encoded. */
export function planFrame(plan: Partial<Plan>): Uint8Array {
  const encoded = encodePlan(plan);
  const frame = new Uint8Array(FRAME_HEADER_SIZE + encoded.length);
  writeFrameHeader(frame, launcherFrames.plan, encoded.length);
  frame.set(encoded, FRAME_HEADER_SIZE);
  return frame;
}

/** How a plan without a supervisor ended. */
export interface FinishedPlan {
  readonly results: PlanResults;
  /** As waitpid(2) gives it; undefined for a plan without a process. */
  readonly waitStatus: number | undefined;
}

/**
 * Carries a plan without `supervise` out to its end. Fails with PlanError, or with `unavailable` when the launcher is not there or
 * goes away. After an abort the steps may still be carried out.
 */
export function runToEnd(context: Context, socketPath: string, plan: Partial<Plan>): Promise<FinishedPlan> {
  const { signal } = context;
  return new Promise((resolve, reject) => {
    const results = new Map<number, Uint8Array>();
    const answer = (frame: Frame): void => {
      if (frame.type === launcherFrames.result) addResult(results, frame.payload);
      else if (frame.type === launcherFrames.done)
        resolve({ results, waitStatus: waitStatus(frame.payload) });
      else if (frame.type === launcherFrames.failed) reject(planError(frame.payload));
      else reject(internal(`the launcher answered with a frame of type ${frame.type}`));
    };
    const abandon = (): void => {
      reject(signal.reason);
      socket.destroy();
    };
    const closed = (cause: Error | undefined): void => {
      signal.removeEventListener('abort', abandon);
      reject(launcherGone(cause));
    };
    signal.throwIfAborted();
    const socket = connectPlan(socketPath, plan, { frame: answer, closed });
    signal.addEventListener('abort', abandon);
  });
}

/** As `Follower` has it. */
export function follow(
  context: Context,
  socketPath: string,
  plan: Partial<Plan>,
  result: (bytes: Uint8Array) => void,
): Promise<Following> {
  const { signal } = context;
  return new Promise((resolve, reject) => {
    const ended = Promise.withResolvers<void>();
    const take = ({ type, payload }: Frame): void => {
      if (type === launcherFrames.result) result(payload.subarray(4));
      else if (type === launcherFrames.done)
        resolve({ ended: ended.promise, [Symbol.dispose]: () => socket.destroy() });
      else if (type === launcherFrames.failed) reject(planError(payload));
      else reject(internal(`the launcher answered with a frame of type ${type}`));
    };
    const closed = (cause: Error | undefined): void => {
      signal.removeEventListener('abort', abandon);
      reject(launcherGone(cause));
      ended.resolve();
    };
    const abandon = (): void => {
      reject(signal.reason);
      socket.destroy();
    };
    signal.throwIfAborted();
    const socket = connectPlan(socketPath, plan, { frame: take, closed });
    signal.addEventListener('abort', abandon);
  });
}

function addResult(results: Map<number, Uint8Array>, payload: Uint8Array): void {
  results.set(firstWord(payload), payload.slice(4));
}

function waitStatus(payload: Uint8Array): number | undefined {
  return payload.length === 0 ? undefined : firstWord(payload);
}

function firstWord(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset, payload.length).getUint32(0);
}

function launcherGone(cause: Error | undefined): SampanError {
  const why = cause === undefined ? 'it closed the connection' : cause.message;
  return new SampanError('unavailable', `the launcher did not answer: ${why}`, { cause });
}

/** The error that the payload of a `failed` frame stands for. */
export function planError(payload: Uint8Array): PlanError {
  return new PlanError(JSON.parse(new TextDecoder().decode(payload)) as PlanFailure);
}
