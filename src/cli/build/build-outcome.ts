import type { BuildStatement, BuildWarning } from '../../wire/build-messages.ts';

/** What a build made. */
export interface BuildOutcome {
  /** "sha256:…", by platform, in the order asked for. */
  readonly images: readonly BuiltImage[];
  /** What the names stand for where it is more than one image. */
  readonly index: { readonly digest: string; readonly size: number } | undefined;
  readonly statements: readonly BuildStatement[];
  readonly warnings: readonly BuildWarning[];
}

export interface BuiltImage {
  readonly id: string;
  readonly platform: string;
  /** Digest of its manifest; empty where it has none. */
  readonly manifest: string;
  /** Whether it is known not to have been there before. */
  readonly isNew: boolean;
}
