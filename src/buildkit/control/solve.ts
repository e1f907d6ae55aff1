import type { Context } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';
import type { GrpcCall } from '../grpc/server.ts';
import type { BuildHistory } from '../history/build-history.ts';
import type { BuildkitParts } from '../parts.ts';
import type { SolveRequest, SolveResponse } from '../protobuf/control-messages.ts';
import type { Value } from '../protobuf/message.ts';
import type { ClientSessions } from '../sessions.ts';
import { BuildJob } from './build-job.ts';
import type { BuildJobs } from './build-jobs.ts';
import { checkExports, type Export } from './exports.ts';
import { beginRecord, recordBuild } from './recorded-build.ts';

export interface SolveParts {
  readonly context: Context;
  readonly parts: BuildkitParts;
  readonly sessions: ClientSessions;
  readonly jobs: BuildJobs;
  readonly history: BuildHistory;
}

type Request = Value<typeof SolveRequest>;

/** Ends with the build, wherever its front end runs. */
export async function solve(
  { context, parts, sessions, jobs, history }: SolveParts,
  request: Request,
  { signal }: GrpcCall,
): Promise<Partial<Value<typeof SolveResponse>>> {
  const { ref, session, frontend, entitlements, frontendAttributes: attributes, inputs } = request;
  const exports = exportsOf(request);
  try {
    checkRequest(request, exports);
    jobs.checkFree(ref);
  } catch (error) {
    jobs.refuse(ref);
    throw error;
  }
  const isQuestion = request.internal;
  const record = beginRecord(context, history, { ref, frontend, attributes, exporters: exports, isQuestion });
  const { imports: cacheImports = [], exports: cacheExports = [] } = request.cache ?? {};
  const caches = { imports: cacheImports, exports: cacheExports };
  const wish = { ref, session, exports, entitlements, caches, results: jobs.results, onUpdate: record.tell };
  await using job = new BuildJob({ ...context, signal }, parts, sessions, wish);
  jobs.add(job);
  try {
    const exporterResponse = await recordBuild(record, job, async () => {
      if (frontend === '') await job.finished();
      else await job.solve({ frontend, attributes, inputs }, signal);
      return await job.export();
    });
    return { exporterResponse };
  } finally {
    jobs.end(job);
  }
}

function checkRequest({ definition, sourcePolicy }: Request, exports: readonly Export[]): void {
  refuseDefinition(definition);
  if ((sourcePolicy?.rules ?? []).length > 0) {
    throw new SampanError('unimplemented', 'source policies are not supported');
  }
  checkExports(exports);
}

function exportsOf({ exporters, exporter, exporterAttributes }: Request): readonly Export[] {
  if (exporters.length > 0) {
    return exporters.map(({ type = '', attributes = {} }) => ({ type, attributes }));
  }
  return exporter === '' ? [] : [{ type: exporter, attributes: exporterAttributes }];
}

/** Fails with `unimplemented` where there is one. */
function refuseDefinition(definition: { readonly operations?: readonly unknown[] } | undefined): void {
  if ((definition?.operations ?? []).length === 0) return;
  throw new SampanError('unimplemented', 'build definitions (LLB) are not supported: only Dockerfiles are');
}
