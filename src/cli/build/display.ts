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
  /** Nothing more comes. */
  close(): void;
}
