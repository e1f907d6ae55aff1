import type { BuildWarning } from '../../wire/build-messages.ts';

/** What a build made. */
export interface BuildOutcome {
  /** "sha256:…", by platform, in the order asked for. */
  readonly images: readonly { readonly id: string; readonly platform: string }[];
  readonly warnings: readonly BuildWarning[];
}
