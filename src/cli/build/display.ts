import type { BuildEvent } from '../../wire/build-messages.ts';
import type { BuildTrace } from './trace.ts';

/** Shows a build as it goes on. */
export interface BuildDisplay {
  readonly trace: BuildTrace;
  /** Whether what steps say stays to be seen: then not all of it need be repeated where one has failed. */
  readonly keepsOutput: boolean;
  apply(event: BuildEvent): void;
  /** Leaves the terminal to others for a while. */
  pause(): void;
  redraw(): void;
  /** Leaves the terminal to somebody who writes on it, until the returned function is called. */
  lend(): () => void;
  /** Nothing more comes. */
  close(): void;
}
