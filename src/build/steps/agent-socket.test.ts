import { afterAll, expect, test } from 'bun:test';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAX_AGENT_CONNECTIONS, openAgentSocket } from './agent-socket.ts';

const directory = mkdtempSync(join(tmpdir(), 'sampan-agent-'));
afterAll(() => rmSync(directory, { recursive: true }));

test('a step has no more than so many connections to an agent, and the agent is there again when they go', async () => {
  const agent = createServer((socket) => socket.on('error', () => {}).write('hello'));
  agent.listen(join(directory, 'agent'));
  await once(agent, 'listening');
  await using socket = await openAgentSocket({
    ...{ directory, agent: join(directory, 'agent'), mode: 0o600, uid: 0, gid: 0 },
  });
  const dial = (): Socket => connect(socket.path).on('error', () => {});
  /** Whether the agent answers; else the connection is closed. */
  const answers = (client: Socket): Promise<boolean> =>
    Promise.race([once(client, 'data').then(() => true), once(client, 'close').then(() => false)]);
  const clients = Array.from({ length: MAX_AGENT_CONNECTIONS + 10 }, dial);
  const answered = await Promise.all(clients.map(answers));
  expect(answered.filter(Boolean)).toHaveLength(MAX_AGENT_CONNECTIONS);
  for (const client of clients) client.destroy();
  let isBack = false;
  for (let tries = 0; !isBack && tries < 100; tries++) {
    const client = dial();
    isBack = await answers(client);
    client.destroy();
  }
  expect(isBack).toBe(true);
  await socket[Symbol.asyncDispose]();
  agent.close();
  expect(readdirSync(directory).filter((name) => name !== 'agent')).toEqual([]);
});
