import type { Logger } from '../base/log.ts';
import type { Engine } from '../engine/contract.ts';
import { currentVersion } from '../wire/versions.ts';
import { Dispatcher } from './dispatch.ts';
import type { ListenAddress } from './http/listener.ts';
import { HttpServer } from './http/server.ts';

export interface ApiServerOptions {
  readonly engine: Engine;
  readonly log: Logger;
  /** Milliseconds between two samples of `GET /containers/{id}/stats`; 1000 unless given. */
  readonly statsInterval?: number;
}

export interface ApiServer {
  /** May be called several times. Returns "unix:///path" or "tcp://host:port" with the port that was chosen. */
  listen(address: ListenAddress): Promise<string>;
  /** Takes no more requests, and gives those that are being answered `grace` milliseconds (by default 2000). */
  close(grace?: number): Promise<void>;
}

export type { ListenAddress } from './http/listener.ts';

/** The Engine API over HTTP/1.1, on Unix sockets and TCP, plain or with (mutual) TLS. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const dispatcher = new Dispatcher(options.engine, options.log, {
    statsInterval: options.statsInterval ?? 1000,
  });
  const headers: Record<string, string> = {
    'Api-Version': currentVersion,
    'Docker-Experimental': 'false',
    Ostype: 'linux',
  };
  const server = new HttpServer({
    handle: (request, response) => dispatcher.handle(request, response),
    refuse: (error, response) => dispatcher.refuse(error, response),
    headers,
    headTimeout: 60_000,
  });
  return {
    async listen(address) {
      const { version } = await options.engine.system.facts();
      headers['Server'] = `Sampan/${version} (linux)`;
      return server.listen(address);
    },
    close: (grace = 2000) => server.close(grace),
  };
}
