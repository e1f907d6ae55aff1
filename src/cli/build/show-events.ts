import { jsonValues } from '../../client/json-stream.ts';
import type {
  BuildAnswer,
  BuildBlob,
  BuildEvent,
  BuildFailure,
  BuildShell,
  BuildStatement,
  BuildWarning,
} from '../../wire/build-messages.ts';
import { CommandError } from '../command-error.ts';
import type { Io } from '../io.ts';
import { progressOutput } from '../progress.ts';
import type { BuildOutcome, BuiltImage } from './build-outcome.ts';
import type { Answered } from './call-flag.ts';
import type { BuildDisplay } from './display.ts';
import { JsonDisplay } from './json-display.ts';
import { LiveDisplay } from './live-display.ts';
import { PlainDisplay } from './plain-display.ts';
import { BuildTrace } from './trace.ts';

const modes: readonly string[] = ['auto', 'plain', 'tty', 'quiet', 'rawjson'];

/** The display that the user wants, on standard error. Throws CommandError. */
export function displayOf(mode: string, io: Io): BuildDisplay {
  if (!modes.includes(mode)) throw new CommandError(`invalid progress mode ${mode}`);
  const { screen } = progressOutput(io, 'err');
  const print = (text: string): void => io.err(text);
  if (mode === 'quiet') return silent();
  if (mode === 'rawjson') return new JsonDisplay(print);
  if (mode === 'tty' && screen === undefined) {
    throw new CommandError('failed to get console: standard error is not a terminal');
  }
  if (mode === 'plain' || screen === undefined) return new PlainDisplay(print);
  return new LiveDisplay({ screen, colours: (io.environment['NO_COLOR'] ?? '') === '' });
}

function silent(): BuildDisplay {
  const trace = new BuildTrace();
  return {
    trace,
    keepsOutput: false,
    apply: (event) => trace.apply(event),
    pause() {},
    redraw() {},
    lend: () => () => {},
    close() {},
  };
}

export interface EventsOutcome extends BuildOutcome, Answered {
  readonly failure: BuildFailure | undefined;
}

export interface EventsHandlers {
  /** Puts right what the daemon knows under another name. */
  readonly rename: (text: string) => string;
  /** A failed step waits for as long as this takes. */
  readonly onShell: (shell: BuildShell) => Promise<void>;
  /** A blob is to be moved, while the build goes on. */
  readonly onBlob: (blob: BuildBlob) => void;
}

/** Shows events until they end. */
export async function showEvents(
  body: AsyncIterable<Uint8Array>,
  display: BuildDisplay,
  { rename, onShell, onBlob }: EventsHandlers,
): Promise<EventsOutcome> {
  const images: BuiltImage[] = [];
  const statements: BuildStatement[] = [];
  let index: BuildOutcome['index'];
  const warnings: BuildWarning[] = [];
  let failure: BuildFailure | undefined;
  let answer: BuildAnswer | undefined;
  const here = sameClock();
  for await (const event of jsonValues<BuildEvent>(body)) {
    display.apply(here(withName(event, rename)));
    if (event.shell !== undefined) await onShell(event.shell);
    if (event.blob !== undefined) onBlob(event.blob);
    if (event.warning !== undefined) warnings.push(renamed(event.warning, rename));
    if (event.failure !== undefined) failure = renamed(event.failure, rename);
    if (event.answer !== undefined) answer = event.answer;
    if (event.statement !== undefined) statements.push(event.statement);
    if (event.index !== undefined) index = { digest: event.index.Digest, size: event.index.Size };
    const { ID: id, Platform: platform = '', Manifest: manifest = '', New: isNew = false } = event.aux ?? {};
    if (id !== undefined) images.push({ id, platform, manifest, isNew });
  }
  return { images, index, statements, warnings, failure, ...(answer === undefined ? {} : { answer }) };
}

function withName(event: BuildEvent, rename: (text: string) => string): BuildEvent {
  const { vertex } = event;
  return vertex === undefined ? event : { ...event, vertex: { ...vertex, name: rename(vertex.name) } };
}

function renamed<T extends { readonly excerpt: string }>(about: T, rename: (text: string) => string): T {
  return { ...about, excerpt: rename(about.excerpt ?? '') };
}

/** Milliseconds by which clocks may differ before that matters. */
const SKEW = 1000;

/** Events of a daemon whose clock is another, with the times that it is here. */
function sameClock(): (event: BuildEvent) => BuildEvent {
  let ahead: number | undefined;
  return (event) => {
    const time = (event.started ?? event.output ?? event.transfer ?? event.done)?.time;
    if (time === undefined) return event;
    ahead ??= Math.abs(time - Date.now()) < SKEW ? 0 : time - Date.now();
    if (ahead === 0) return event;
    const shift = ahead;
    const moved = Object.entries(event).map(([key, value]) => {
      const isTimed = typeof value === 'object' && value !== null && 'time' in value;
      return [key, isTimed ? { ...value, time: value.time - shift } : value];
    });
    return Object.fromEntries(moved);
  };
}
