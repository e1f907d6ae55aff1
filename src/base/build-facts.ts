import manifest from '../../package.json' with { type: 'json' };

// `bun run build` defines these; from the source tree they are what git and the clock would say of a checkout.
declare const SAMPAN_COMMIT: string | undefined;
declare const SAMPAN_BUILD_TIME: string | undefined;

/** What this program is. */
export const build = {
  version: manifest.version,
  commit: typeof SAMPAN_COMMIT === 'string' ? SAMPAN_COMMIT : 'source',
  time: typeof SAMPAN_BUILD_TIME === 'string' ? SAMPAN_BUILD_TIME : 'source',
} as const;
