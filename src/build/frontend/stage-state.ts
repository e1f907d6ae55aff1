import type { Lines } from '../../dockerfile/errors.ts';
import type { ImageConfig, ImageProcess } from '../../oci/image.ts';
import type { Vertex } from '../definition/vertex.ts';
import type { Scope } from './scope.ts';

/** A line of the image's history; with `root` it is known, once that is made, whether it has added a layer. */
export interface HistoryStep {
  /** In BuildKit's words. */
  readonly createdBy: string;
  /** In those of Docker's classic builder. */
  readonly classic: string | ClassicCopy;
  readonly author: string;
  /** What the root filesystem is after the step. */
  readonly root: Vertex;
}

/** A line that names what was copied by its content, which is known when the step is made. */
interface ClassicCopy {
  readonly shell: string;
  readonly keyword: string;
  readonly owner: string;
  readonly destination: string;
}

/** An instruction as it stands in the file. */
export interface WrittenStep {
  readonly text: string;
  readonly lines: Lines | undefined;
  /** Whether the base image brought it along. */
  readonly isTrigger: boolean;
  /** What the classic builder remarks on it; empty for nothing. */
  readonly note: string;
}

/** A stage as far as its instructions have been read. Never changed: each instruction makes a new one. */
export interface StageState {
  readonly name: string;
  /** What the first of its base stages began with: the root before the first line of the history. */
  readonly origin: Vertex;
  /** What FROM gave. */
  readonly start: Vertex;
  readonly root: Vertex;
  /** Of the image that the stage begins with; undefined for none. */
  readonly base: ImageConfig | undefined;
  readonly process: ImageProcess;
  readonly author: string;
  readonly scope: Scope;
  readonly history: readonly HistoryStep[];
  /** The last lines of the history: those that the stage's own instructions made. */
  readonly steps: readonly WrittenStep[];
  /** Whether CMD was set by the stage itself: ENTRYPOINT then leaves it. */
  readonly hasOwnCommand: boolean;
}

const defaultShell = ['/bin/sh', '-c'];

/** What commands in shell form are given to. */
export function shellOf({ Shell }: ImageProcess): readonly string[] {
  return Shell === undefined || Shell === null || Shell.length === 0 ? defaultShell : Shell;
}

/** The state with a further line of history, and what else changed. `classic`: what the classic builder's line says, if something else. */
export function after(
  state: StageState,
  text: string,
  change: Partial<StageState>,
  classic = `#(nop)  ${text}`,
): StageState {
  const shell = shellOf(change.process ?? state.process);
  return withLine(state, change, text, [...shell, classic].join(' '));
}

/** The same where the classic builder's line is no shell's command. */
export function withLine(
  state: StageState,
  change: Partial<StageState>,
  createdBy: string,
  classic: HistoryStep['classic'],
): StageState {
  const root = change.root ?? state.root;
  const author = change.author ?? state.author;
  return { ...state, ...change, history: [...state.history, { createdBy, classic, author, root }] };
}
