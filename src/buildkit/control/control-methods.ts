import { type Methods, streaming, unary } from '../grpc/server.ts';
import {
  DiskUsageRequest,
  DiskUsageResponse,
  Empty,
  InfoResponse,
  ListWorkersResponse,
  PruneRequest,
  SolveRequest,
  SolveResponse,
  StatusRequest,
  StatusResponse,
  UsageRecord,
} from '../protobuf/control-messages.ts';
import { type SolveParts, solve } from './solve.ts';
import { pruneOptions, recordFilter, usageOf } from './usage.ts';
import { versionOf, worker } from './worker.ts';

const CONTROL = '/moby.buildkit.v1.Control';

/** What is asked of the daemon as a whole: builds, what it holds for them, and who makes them. */
export function controlMethods(solving: SolveParts): Methods {
  const { context, parts, jobs } = solving;
  const { builder } = parts;
  return {
    [`${CONTROL}/Solve`]: unary(SolveRequest, SolveResponse, (request, call) =>
      solve(solving, request, call),
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
