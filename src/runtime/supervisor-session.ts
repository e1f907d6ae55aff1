import { SampanError } from '../base/errors.ts';
import { SupervisedAttachment } from './attachment.ts';
import { type Frame, launcherFrames } from './frames.ts';
import { OutputSplitter } from './output-splitter.ts';
import { planError } from './plan-connection.ts';
import { SupervisorConnection } from './supervisor-connection.ts';
import { decodeExit, decodeRefusal, type ProcessExit, supervisorFrames } from './supervisor-protocol.ts';

/** What comes on a session unasked. */
export interface SessionEvents {
  exited(exit: ProcessExit): void;
  oom(): void;
  note(text: string): void;
  /** The connection is over. */
  closed(): void;
}

interface Question {
  /** The frame that answers it; everything else that is an answer is a failure. */
  readonly wanted: number;
  readonly answer: PromiseWithResolvers<Frame>;
}

/** One connection's conversation: questions answered in order, notices between them, and the streams once it is attached. */
export class SupervisorSession {
  #connection: SupervisorConnection | undefined;
  readonly #splitter: OutputSplitter;
  readonly #questions: Question[] = [];
  #attachment: SupervisedAttachment | undefined;
  #events: Partial<SessionEvents> = {};

  private constructor() {
    this.#splitter = new OutputSplitter({
      output: (bytes) => this.#attachment?.frames.push(bytes),
      notice: (frame) => this.#receive(frame),
    });
  }

  /** Fails with `not-found` when nobody listens there. */
  static async open(path: string): Promise<SupervisorSession> {
    const session = new SupervisorSession();
    session.#connection = await SupervisorConnection.open(path, {
      chunk: (bytes) => session.#splitter.push(bytes),
      closed: () => session.#closed(),
    });
    return session;
  }

  listen(events: Partial<SessionEvents>): void {
    this.#events = events;
  }

  send(bytes: Uint8Array): void {
    this.#connection?.write(bytes);
  }

  /** Sends a request; resolves with its answer, which must be of type `wanted`. */
  ask(request: Uint8Array, wanted: number): Promise<Frame> {
    const answer = Promise.withResolvers<Frame>();
    if (this.#connection?.closed !== false) answer.reject(hungUp());
    else {
      this.#questions.push({ wanted, answer });
      this.send(request);
    }
    return answer.promise;
  }

  /** Makes this session's output an attachment; called before the request that attaches it, so that nothing is missed. */
  attach(): SupervisedAttachment {
    if (this.#connection === undefined) throw hungUp();
    this.#attachment = new SupervisedAttachment(this.#connection);
    return this.#attachment;
  }

  close(): void {
    this.#connection?.close();
  }

  #receive(frame: Frame): void {
    switch (frame.type) {
      case supervisorFrames.exited:
        // Told first: who has read an attachment to its end may ask for the exit code at once.
        this.#events.exited?.(decodeExit(frame));
        this.#attachment?.finish(false);
        return;
      case supervisorFrames.detached:
        this.#attachment?.finish(true);
        return;
      case supervisorFrames.oom:
        this.#events.oom?.();
        return;
      case supervisorFrames.note:
        this.#events.note?.(new TextDecoder().decode(frame.payload));
        return;
      case launcherFrames.result:
        return;
      default:
        this.#answer(frame);
    }
  }

  #answer(frame: Frame): void {
    const question = this.#questions.shift();
    if (question === undefined) return;
    if (frame.type === question.wanted) question.answer.resolve(frame);
    else question.answer.reject(failureOf(frame));
  }

  #closed(): void {
    for (const { answer } of this.#questions.splice(0)) answer.reject(hungUp());
    this.#attachment?.finish(false);
    this.#events.closed?.();
  }
}

function failureOf(frame: Frame): SampanError {
  if (frame.type === launcherFrames.failed) return planError(frame.payload);
  if (frame.type === supervisorFrames.refused) return decodeRefusal(frame);
  return new SampanError('internal', `the supervisor answered with a frame of type ${frame.type}`);
}

/** Both ends of a container look like this: a supervisor that has gone, and one that says goodbye instead of answering. */
function hungUp(): SampanError {
  return new SampanError('not-found', 'the supervisor has hung up: the process has ended');
}
