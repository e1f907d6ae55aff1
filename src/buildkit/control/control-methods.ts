import { invalid } from '../../base/errors.ts';
import { type GrpcCall, type Methods, streaming, unary } from '../grpc/server.ts';
import { Tunnel } from '../grpc/tunnel.ts';
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
import { BytesMessage } from '../protobuf/session-messages.ts';
import { type SolveParts, solve } from './solve.ts';
import { pruneOptions, recordFilter, usageOf } from './usage.ts';
import { versionOf, worker } from './worker.ts';

const CONTROL = '/moby.buildkit.v1.Control';

/** What is asked of the daemon as a whole: builds, what it holds for them, and who makes them. */
export function controlMethods(solving: SolveParts): Methods {
  const { context, parts, jobs, history } = solving;
  const { builder } = parts;
  return {
    [`${CONTROL}/Solve`]: unary(SolveRequest, SolveResponse, (request, call) =>
      solve(solving, request, call),
    ),
    [`${CONTROL}/Status`]: streaming(StatusRequest, StatusResponse, async function* ({ ref }, { signal }) {
      const ended = await history.status(ref);
      yield* ended ?? (await jobs.find(ref, signal)).progress.follow(signal);
    }),
    [`${CONTROL}/Session`]: (call, requests) => tunnelledSession(solving, call, requests),
    [`${CONTROL}/ListWorkers`]: unary(Empty, ListWorkersResponse, async () => ({
      records: [await worker(parts)],
    })),
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

const EXPOSED = 'x-docker-expose-session-';
const MAX_TEXT = 4_096;

/** A client's session over a call instead of over a connection of its own: clients do so with sessions that several builds share. */
async function* tunnelledSession(
  { sessions }: SolveParts,
  { headers, signal }: GrpcCall,
  requests: AsyncIterable<Buffer>,
): AsyncGenerator<Uint8Array, void, void> {
  const said = (name: string): string => String(headers[`${EXPOSED}${name}`] ?? '');
  const [id, sharedKey] = [said('uuid'), said('sharedkey')];
  if (id === '' || id.length > MAX_TEXT || sharedKey.length > MAX_TEXT) {
    throw invalid('a session needs an ID: x-docker-expose-session-uuid');
  }
  const methods = said('grpc-method').toLowerCase().split(',');
  const tunnel = new Tunnel(pieces(requests), signal);
  const facts = { id, sharedKey, methods: new Set(methods.map((method) => method.trim())) };
  const serving = sessions.serve(tunnel.stream, facts);
  for await (const data of tunnel.answers()) yield BytesMessage.encode({ data });
  await serving;
}

async function* pieces(requests: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array, void, void> {
  for await (const request of requests) yield BytesMessage.decode(request).data;
}
