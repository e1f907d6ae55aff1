import type { Context } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';
import { FailedCall, type GrpcCall } from '../grpc/server.ts';
import { failureOf } from '../grpc/status.ts';
import type { BuildkitParts } from '../parts.ts';
import type { SolveRequest, SolveResponse } from '../protobuf/control-messages.ts';
import type { Value } from '../protobuf/message.ts';
import type { ClientSessions } from '../sessions.ts';
import { BuildJob } from './build-job.ts';
import type { BuildJobs } from './build-jobs.ts';
import { checkExports, type Export } from './export-result.ts';

export interface SolveParts {
  readonly context: Context;
  readonly parts: BuildkitParts;
  readonly sessions: ClientSessions;
  readonly jobs: BuildJobs;
}

type Request = Value<typeof SolveRequest>;

/** Ends with the build, wherever its front end runs. */
export async function solve(
  { context, parts, sessions, jobs }: SolveParts,
  request: Request,
  { signal }: GrpcCall,
): Promise<Partial<Value<typeof SolveResponse>>> {
  const { ref, session, frontend, entitlements, frontendAttributes: attributes, inputs } = request;
  refuseDefinition(request.definition);
  if ((request.sourcePolicy?.rules ?? []).length > 0) {
    throw new SampanError('unimplemented', 'source policies are not supported');
  }
  const exports = exportsOf(request);
  checkExports(exports);
  const results = jobs.results;
  const wish = { ref, session, exports, entitlements, results };
  const job = new BuildJob({ ...context, signal }, parts, sessions, wish);
  jobs.add(ref, job);
  try {
    if (frontend === '') await job.finished();
    else await job.solve({ frontend, attributes, inputs }, signal);
    return { exporterResponse: await job.export() };
  } catch (error) {
    throw error instanceof FailedCall ? error : new FailedCall(failureOf(error));
  } finally {
    jobs.end(ref);
  }
}

function exportsOf({ exporters, exporter, exporterAttributes }: Request): readonly Export[] {
  if (exporters.length > 0) {
    return exporters.map(({ type = '', attributes = {} }) => ({ type, attributes }));
  }
  return exporter === '' ? [] : [{ type: exporter, attributes: exporterAttributes }];
}

/** Fails with `unimplemented` where there is one. */
export function refuseDefinition(definition: { readonly operations?: readonly unknown[] } | undefined): void {
  if ((definition?.operations ?? []).length === 0) return;
  throw new SampanError('unimplemented', 'build definitions (LLB) are not supported: only Dockerfiles are');
}
