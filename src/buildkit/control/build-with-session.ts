import { randomBytes } from 'node:crypto';
import { background, type Context } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';
import type { SessionBuild, SessionBuildResult } from '../contract.ts';
import type { BuildHistory } from '../history/build-history.ts';
import type { BuildkitParts } from '../parts.ts';
import { StatusResponse } from '../protobuf/control-messages.ts';
import type { ClientSessions } from '../sessions.ts';
import { BuildJob } from './build-job.ts';
import { checkExports } from './exports.ts';
import { recordBuild } from './recorded-build.ts';

export interface SessionBuildParts extends SessionBuild {
  readonly parts: BuildkitParts;
  readonly sessions: ClientSessions;
  readonly history: BuildHistory;
}

/** A build that is driven by one call, and whose news are told to its caller. */
export async function buildWithSession(
  context: Context,
  { parts, sessions, history, id, session, attributes, exports, cacheImports }: SessionBuildParts,
  onStatus: (status: Uint8Array) => void,
): Promise<SessionBuildResult> {
  checkExports(exports);
  const ref = id || randomBytes(16).toString('hex');
  const frontend = 'dockerfile.v0';
  const record = history.begin(background(context.log), { ref, frontend, attributes, exporters: exports });
  const caches = { imports: cacheImports ?? [], exports: [] };
  const wish = { ref, session, exports, entitlements: [], caches, results: noResults, onUpdate: record.tell };
  await using job = new BuildJob(context, parts, sessions, wish);
  const telling = (async () => {
    for await (const update of job.progress.follow(context.signal)) onStatus(StatusResponse.encode(update));
  })();
  // A caller that has gone is told nothing more.
  telling.catch(() => {});
  try {
    const response = await recordBuild(record, job, async () => {
      await job.solve({ frontend, attributes, inputs: {} }, context.signal);
      return await job.export();
    });
    return { imageId: response['containerimage.config.digest'] ?? '' };
  } finally {
    job.progress.end();
    await telling.catch(() => {});
  }
}

function noResults(): never {
  throw new SampanError('not-found', 'the build has no inputs');
}
