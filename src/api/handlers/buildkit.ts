import { invalid } from '../../base/errors.ts';
import type { Call, HandlersOf } from '../call.ts';
import type { Connection } from '../http/connection.ts';
import { hasToken } from '../http/head.ts';

/** HTTP/2 without TLS, which gRPC needs. */
const PROTOCOL = 'h2c';
const EXPOSED = 'x-docker-expose-session-';
const MAX_TEXT = 4096;

export const buildkitHandlers: HandlersOf<'buildkitApi' | 'buildkitSession'> = {
  async buildkitApi(call) {
    await call.engine.buildkit.serve(call.context, await handOver(call));
  },

  async buildkitSession(call) {
    const { headers } = call.request;
    const id = headers.get(`${EXPOSED}uuid`) ?? '';
    const sharedKey = headers.get(`${EXPOSED}sharedkey`) ?? '';
    if (id === '' || id.length > MAX_TEXT || sharedKey.length > MAX_TEXT) {
      throw invalid('a session needs an ID: X-Docker-Expose-Session-Uuid');
    }
    const listed = (headers.get(`${EXPOSED}grpc-method`) ?? '').toLowerCase();
    const methods = new Set(listed.split(',').map((method) => method.trim()));
    await call.engine.buildkit.openSession(call.context, await handOver(call), { id, sharedKey, methods });
  },
};

/** Fails with `invalid-argument` for a client that wants something else. */
async function handOver({ request, response }: Call): Promise<Connection> {
  const upgrade = request.headers.get('upgrade');
  if (upgrade === undefined) throw invalid('no upgrade proto in request');
  if (!hasToken(upgrade, PROTOCOL)) throw invalid(`protocol ${upgrade} not supported`);
  for await (const _ of request.body);
  return response.hijack({}, PROTOCOL);
}
