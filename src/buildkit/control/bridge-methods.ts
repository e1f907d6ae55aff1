import { invalid } from '../../base/errors.ts';
import { formatPlatform } from '../../oci/platform.ts';
import { type GrpcCall, type Methods, unary } from '../grpc/server.ts';
import type { BuildkitParts } from '../parts.ts';
import {
  Empty,
  FrontendSolveRequest,
  FrontendSolveResponse,
  Pong,
  ReadFileRequest,
  ReadFileResponse,
  ReturnRequest,
  StatFileRequest,
  StatFileResponse,
} from '../protobuf/control-messages.ts';
import type { Value } from '../protobuf/message.ts';
import { statOf } from '../session/send-files.ts';
import type { BuildJob } from './build-job.ts';
import type { BuildJobs } from './build-jobs.ts';
import { buildCapabilities, frontendCapabilities } from './capabilities.ts';
import { remoteOf } from './remote-definition.ts';
import { resultDefinition } from './result-definition.ts';
import { worker } from './worker.ts';

const BRIDGE = '/moby.buildkit.v1.frontend.LLBBridge';
const BUILD_ID = 'buildkit-controlapi-buildid';

/** What a front end that runs with the client asks of its build. */
export function bridgeMethods(parts: BuildkitParts, jobs: BuildJobs): Methods {
  const jobOf = ({ headers, signal }: GrpcCall): Promise<BuildJob> => {
    const ref = headers[BUILD_ID];
    if (typeof ref !== 'string') throw invalid('the call does not name its build');
    return jobs.find(ref, signal);
  };
  return {
    [`${BRIDGE}/Ping`]: unary(Empty, Pong, async (_, call) => {
      await jobOf(call);
      return {
        frontend: frontendCapabilities.map((id) => ({ id, enabled: true })),
        definition: buildCapabilities.map((id) => ({ id, enabled: true })),
        workers: [await worker(parts)],
      };
    }),
    [`${BRIDGE}/Solve`]: unary(FrontendSolveRequest, FrontendSolveResponse, async (request, call) => {
      const { definition } = request;
      const job = await jobOf(call);
      if (definition !== undefined && (definition.operations ?? []).length > 0) {
        return {
          result: { ref: { id: await job.openRemote(remoteOf(definition), call.signal), definition } },
        };
      }
      // An empty definition stands for an empty result.
      if (request.frontend === '') return { result: { ref: { id: '' } } };
      const { frontend, options: attributes, inputs } = request;
      const metadata = await job.solve({ frontend, attributes, inputs }, call.signal);
      return { result: metadata === undefined ? resultOf(job) : { ref: { id: '' }, metadata } };
    }),
    [`${BRIDGE}/Return`]: unary(ReturnRequest, Empty, async ({ error }, call) => {
      const job = await jobOf(call);
      job.returned(error === undefined ? undefined : failureIn(error));
      return {};
    }),
    [`${BRIDGE}/StatFile`]: unary(StatFileRequest, StatFileResponse, async ({ ref, path }, call) => {
      const { files, context } = await jobOf(call);
      return { stat: statOf(await files.stat({ ...context, signal: call.signal }, ref, path)) };
    }),
    [`${BRIDGE}/ReadFile`]: unary(
      ReadFileRequest,
      ReadFileResponse,
      async ({ ref, path, range = {} }, call) => {
        const { files, context } = await jobOf(call);
        return { data: await files.read({ ...context, signal: call.signal }, ref, path, range) };
      },
    ),
    // Results are made at once, so there is nothing to wait for.
    [`${BRIDGE}/Evaluate`]: unary(Empty, Empty, () => ({})),
    [`${BRIDGE}/Warn`]: unary(Empty, Empty, () => ({})),
  };
}

/** One result, or several by their platforms. */
function resultOf(job: BuildJob): NonNullable<Value<typeof FrontendSolveResponse>['result']> {
  const refs = (job.result?.images ?? []).map(({ platform }, image) => {
    const key = formatPlatform(platform);
    const value = { id: `result-${image}`, definition: resultDefinition({ build: job.ref, image }) };
    return { key, value };
  });
  const [first] = refs;
  return refs.length > 1 || first === undefined ? { refs: { refs } } : { ref: first.value };
}

function failureIn({
  code = 2,
  message = '',
  details = [],
}: NonNullable<Value<typeof ReturnRequest>['error']>) {
  return {
    ...{ code, message },
    details: details.map(({ typeUrl = '', value = new Uint8Array() }) => ({ typeUrl, value })),
  };
}
