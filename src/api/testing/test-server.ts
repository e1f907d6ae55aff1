import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, type LogLine } from '../../base/log.ts';
import { type ApiServer, createApiServer } from '../api-server.ts';
import { createFakeEngine, type FakeEngine } from './fake-engine.ts';
import { type Answer, parseAnswer, RawClient } from './raw-client.ts';

/** A server on a Unix socket over a fake engine. */
export interface TestServer extends AsyncDisposable {
  readonly engine: FakeEngine;
  readonly server: ApiServer;
  readonly address: string;
  readonly directory: string;
  readonly log: LogLine[];
  connect(): Promise<RawClient>;
  /** One request on a connection of its own; `head` is its further header lines. */
  request(method: string, target: string, body?: string, head?: string): Promise<Answer>;
}

export async function startTestServer(): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), 'sampan-api-'));
  const engine = createFakeEngine();
  const log: LogLine[] = [];
  const logger = createLogger(
    () => 'debug',
    (line) => log.push(line),
  );
  const server = createApiServer({ engine, log: logger, statsInterval: 5 });
  const address = await server.listen({ unix: join(directory, 'api.sock'), mode: 0o600 });
  return {
    engine,
    server,
    address,
    directory,
    log,
    connect: () => RawClient.connect(address),
    async request(method, target, body, head = 'Content-Type: application/json\r\n') {
      const client = await RawClient.connect(address);
      const length = body === undefined ? '' : `${head}Content-Length: ${Buffer.byteLength(body)}\r\n`;
      client.send(
        `${method} ${target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n${length}\r\n${body ?? ''}`,
      );
      const answer = parseAnswer(await client.all());
      client.destroy();
      return answer;
    },
    async [Symbol.asyncDispose]() {
      await server.close(0);
      rmSync(directory, { recursive: true });
    },
  };
}
