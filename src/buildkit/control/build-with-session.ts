import type { Context } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';
import type { SessionBuild, SessionBuildResult } from '../contract.ts';
import type { BuildkitParts } from '../parts.ts';
import { StatusResponse } from '../protobuf/control-messages.ts';
import type { ClientSessions } from '../sessions.ts';
import { BuildJob } from './build-job.ts';
import { checkExports } from './export-result.ts';

export interface SessionBuildParts extends SessionBuild {
  readonly parts: BuildkitParts;
  readonly sessions: ClientSessions;
}

/** A build that is driven by one call, and whose news are told to its caller. */
export async function buildWithSession(
  context: Context,
  { parts, sessions, id, session, attributes, exports }: SessionBuildParts,
  onStatus: (status: Uint8Array) => void,
): Promise<SessionBuildResult> {
  checkExports(exports);
  const job = new BuildJob(context, parts, sessions, {
    ref: id,
    session,
    exports,
    entitlements: [],
    results: noResults,
  });
  const telling = (async () => {
    for await (const update of job.progress.follow(context.signal)) onStatus(StatusResponse.encode(update));
  })();
  // A caller that has gone is told nothing more.
  telling.catch(() => {});
  try {
    await job.solve({ frontend: 'dockerfile.v0', attributes, inputs: {} }, context.signal);
    const response = await job.export();
    return { imageId: response['containerimage.config.digest'] ?? '' };
  } finally {
    job.progress.end();
    await telling.catch(() => {});
  }
}

function noResults(): never {
  throw new SampanError('not-found', 'the build has no inputs');
}
