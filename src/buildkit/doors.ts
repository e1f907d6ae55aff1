import type { Context } from '../base/context.ts';
import type { Buildkit } from './contract.ts';
import { buildWithSession } from './control/build-with-session.ts';
import { createServices } from './control/services.ts';
import { serveGrpc } from './grpc/server.ts';
import { BuildHistory } from './history/build-history.ts';
import type { BuildkitParts } from './parts.ts';
import { ClientSessions } from './sessions.ts';

export function createBuildkit(context: Context, parts: BuildkitParts): Buildkit {
  const sessions = new ClientSessions();
  const history = new BuildHistory(parts.history, parts.content);
  const services = createServices(context, parts, { sessions, history });
  return {
    serve: ({ log }, connection) => serveGrpc(connection, services, log),
    build: (given, request, onStatus) =>
      buildWithSession(given, { parts, sessions, history, ...request }, onStatus),
    openSession: (_, connection, facts) => sessions.serve(connection, facts),
  };
}
