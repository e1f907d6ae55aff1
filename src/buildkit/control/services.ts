import type { Context } from '../../base/context.ts';
import { invalid, SampanError } from '../../base/errors.ts';
import { hostPlatform } from '../../oci/platform.ts';
import { FailedCall, type GrpcCall, type Methods, streaming, unary } from '../grpc/server.ts';
import { failureOf } from '../grpc/status.ts';
import type { BuildkitParts } from '../parts.ts';
import {
  DiskUsageRequest,
  DiskUsageResponse,
  Empty,
  FrontendSolveRequest,
  FrontendSolveResponse,
  InfoResponse,
  ListWorkersResponse,
  Pong,
  PruneRequest,
  ReturnRequest,
  SolveRequest,
  SolveResponse,
  StatusRequest,
  StatusResponse,
  UsageRecord,
  type WorkerRecord,
} from '../protobuf/control-messages.ts';
import { message, number, text, type Value } from '../protobuf/message.ts';
import type { ClientSessions } from '../sessions.ts';
import { BuildJob, BuildJobs } from './build-job.ts';
import { checkExports } from './export-result.ts';
import { pruneOptions, recordFilter, usageOf } from './usage.ts';

const CONTROL = '/moby.buildkit.v1.Control';
const BRIDGE = '/moby.buildkit.v1.frontend.LLBBridge';
const BUILD_ID = 'buildkit-controlapi-buildid';

/** What front ends that run with the client may use. */
const FRONTEND_CAPABILITIES = [
  'solve.base',
  'return',
  'returnmap',
  'proto.refarray',
  'gateway.solve.metadata',
  'gateway.solve.evaluate',
  'gateway.evaluate',
  'gateway.warnings',
  'frontend.caps',
];

const HealthRequest = message({ service: text(1) });
const HealthResponse = message({ status: number(1) });
const SERVING = 1;

/** All that BuildKit's clients may call, over one or many connections. */
export function createServices(context: Context, parts: BuildkitParts, sessions: ClientSessions): Methods {
  const jobs = new BuildJobs();
  return {
    '/grpc.health.v1.Health/Check': unary(HealthRequest, HealthResponse, () => ({ status: SERVING })),
    // Clients say how long they took for what; nobody asks for it.
    '/opentelemetry.proto.collector.trace.v1.TraceService/Export': unary(Empty, Empty, () => ({})),
    ...controlMethods(context, parts, sessions, jobs),
    ...bridgeMethods(parts, jobs),
  };
}

function controlMethods(
  context: Context,
  parts: BuildkitParts,
  sessions: ClientSessions,
  jobs: BuildJobs,
): Methods {
  const { builder } = parts;
  return {
    [`${CONTROL}/Solve`]: unary(SolveRequest, SolveResponse, (request, call) =>
      solve({ context, parts, sessions, jobs }, request, call),
    ),
    [`${CONTROL}/Status`]: streaming(StatusRequest, StatusResponse, async function* ({ ref }, { signal }) {
      const job = await jobs.find(ref, signal);
      yield* job.progress.follow(signal);
    }),
    [`${CONTROL}/ListWorkers`]: unary(Empty, ListWorkersResponse, () => ({ records: [worker(parts)] })),
    [`${CONTROL}/Info`]: unary(Empty, InfoResponse, () => ({ version: versionOf(parts) })),
    [`${CONTROL}/DiskUsage`]: unary(DiskUsageRequest, DiskUsageResponse, async ({ filters }) => {
      const takes = recordFilter(filters);
      return { records: (await builder.cache()).filter(takes).map(usageOf) };
    }),
    [`${CONTROL}/Prune`]: streaming(PruneRequest, UsageRecord, async function* (wish, { signal }) {
      const before = new Map((await builder.cache()).map((record) => [record.id, record]));
      const { deleted } = await builder.prune({ ...context, signal }, pruneOptions(wish));
      for (const id of deleted) {
        const record = before.get(id);
        if (record !== undefined) yield usageOf(record);
      }
    }),
  };
}

interface SolveParts {
  readonly context: Context;
  readonly parts: BuildkitParts;
  readonly sessions: ClientSessions;
  readonly jobs: BuildJobs;
}

/** Ends with the build, wherever its front end runs. */
async function solve(
  { context, parts, sessions, jobs }: SolveParts,
  request: Value<typeof SolveRequest>,
  { signal }: GrpcCall,
): Promise<Partial<Value<typeof SolveResponse>>> {
  const { ref, session, frontend, definition, entitlements } = request;
  refuseDefinition(definition);
  const exports = exportsOf(request);
  checkExports(exports);
  const job = new BuildJob({ ...context, signal }, parts, sessions, { ref, session, exports, entitlements });
  jobs.add(ref, job);
  try {
    if (frontend === '') await job.finished();
    else await job.solve(frontend, request.frontendAttributes, signal);
    return { exporterResponse: await job.export() };
  } catch (error) {
    throw error instanceof FailedCall ? error : new FailedCall(failureOf(error));
  } finally {
    jobs.end(ref);
  }
}

function exportsOf(request: Value<typeof SolveRequest>) {
  const { exporters, exporter, exporterAttributes } = request;
  if (exporters.length > 0) {
    return exporters.map(({ type = '', attributes = {} }) => ({ type, attributes }));
  }
  return exporter === '' ? [] : [{ type: exporter, attributes: exporterAttributes }];
}

function refuseDefinition(definition: { readonly operations?: readonly unknown[] } | undefined): void {
  if ((definition?.operations ?? []).length === 0) return;
  throw new SampanError('unimplemented', 'build definitions (LLB) are not supported: only Dockerfiles are');
}

function bridgeMethods(parts: BuildkitParts, jobs: BuildJobs): Methods {
  const jobOf = ({ headers, signal }: GrpcCall): Promise<BuildJob> => {
    const ref = headers[BUILD_ID];
    if (typeof ref !== 'string') throw invalid('the call does not name its build');
    return jobs.find(ref, signal);
  };
  return {
    [`${BRIDGE}/Ping`]: unary(Empty, Pong, async (_, call) => {
      await jobOf(call);
      return {
        frontend: FRONTEND_CAPABILITIES.map((id) => ({ id, enabled: true })),
        workers: [worker(parts)],
      };
    }),
    [`${BRIDGE}/Solve`]: unary(FrontendSolveRequest, FrontendSolveResponse, async (request, call) => {
      refuseDefinition(request.definition);
      // An empty definition stands for an empty result.
      if (request.frontend === '') return { result: { ref: { id: '' } } };
      const job = await jobOf(call);
      const metadata = await job.solve(request.frontend, request.options, call.signal);
      return { result: metadata === undefined ? { ref: { id: RESULT } } : { ref: { id: '' }, metadata } };
    }),
    [`${BRIDGE}/Return`]: unary(ReturnRequest, Empty, async ({ error }, call) => {
      const job = await jobOf(call);
      job.returned(error === undefined ? undefined : failureIn(error));
      return {};
    }),
    // Results are made at once, so there is nothing to wait for.
    [`${BRIDGE}/Evaluate`]: unary(Empty, Empty, () => ({})),
    [`${BRIDGE}/Warn`]: unary(Empty, Empty, () => ({})),
  };
}

/** A build has one. */
const RESULT = 'result';

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

function worker(parts: BuildkitParts): Partial<Value<typeof WorkerRecord>> {
  const gateway = parts.hostGateway();
  const { architecture, os, variant = '' } = hostPlatform();
  return {
    id: parts.id,
    labels: {
      'org.mobyproject.buildkit.worker.executor': 'sampan',
      ...(gateway === '' ? {} : { 'org.mobyproject.buildkit.worker.moby.host-gateway-ip': gateway }),
    },
    platforms: [{ architecture, os, variant }],
    version: versionOf(parts),
  };
}

function versionOf({ version }: BuildkitParts) {
  return { package: 'sampan', version, revision: '' };
}
