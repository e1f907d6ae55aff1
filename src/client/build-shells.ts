import type { BuildShellStart } from '../wire/build-messages.ts';
import type { Client, Hijacked } from './client.ts';
import { escapePath } from './query.ts';

/** Runs a command in a failed step, with its terminal on the connection. */
export function startBuildShell(client: Client, id: string, body: BuildShellStart): Promise<Hijacked> {
  return client.hijack(`/build/shells/${escapePath(id)}/start`, { json: body });
}

export function resizeBuildShell(client: Client, id: string, height: number, width: number): Promise<void> {
  return client.send('POST', `/build/shells/${escapePath(id)}/resize`, { query: { h: height, w: width } });
}
