import type { Context } from '../../base/context.ts';
import { type Methods, unary } from '../grpc/server.ts';
import type { BuildkitParts } from '../parts.ts';
import { Empty } from '../protobuf/control-messages.ts';
import { message, number, text } from '../protobuf/message.ts';
import type { ClientSessions } from '../sessions.ts';
import { bridgeMethods } from './bridge-methods.ts';
import { BuildJobs } from './build-jobs.ts';
import { controlMethods } from './control-methods.ts';

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
    ...controlMethods({ context, parts, sessions, jobs }),
    ...bridgeMethods(parts, jobs),
  };
}
