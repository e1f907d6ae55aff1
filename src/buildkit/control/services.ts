import type { Context } from '../../base/context.ts';
import { type Methods, unary } from '../grpc/server.ts';
import type { BuildHistory } from '../history/build-history.ts';
import type { BuildkitParts } from '../parts.ts';
import { Empty } from '../protobuf/control-messages.ts';
import { message, number, text } from '../protobuf/message.ts';
import type { ClientSessions } from '../sessions.ts';
import { bridgeMethods } from './bridge-methods.ts';
import { BuildJobs } from './build-jobs.ts';
import { contentMethods } from './content-methods.ts';
import { controlMethods } from './control-methods.ts';
import { historyMethods } from './history-methods.ts';

const HealthRequest = message({ service: text(1) });
const HealthResponse = message({ status: number(1) });
const SERVING = 1;

/** All that BuildKit's clients may call, over one or many connections. */
export function createServices(
  context: Context,
  parts: BuildkitParts,
  { sessions, history }: { readonly sessions: ClientSessions; readonly history: BuildHistory },
): Methods {
  const jobs = new BuildJobs();
  const solving = { context, parts, sessions, jobs, history };
  return {
    '/grpc.health.v1.Health/Check': unary(HealthRequest, HealthResponse, () => ({ status: SERVING })),
    // Clients say how long they took for what; nobody asks for it.
    '/opentelemetry.proto.collector.trace.v1.TraceService/Export': unary(Empty, Empty, () => ({})),
    ...controlMethods(solving),
    ...historyMethods(solving),
    ...contentMethods(parts.content),
    ...bridgeMethods(parts, jobs),
  };
}
