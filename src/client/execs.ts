import type { ExecConfig } from '../wire/container-config.ts';
import type { ExecInspect } from '../wire/container-types.ts';
import type { IdResponse } from '../wire/messages.ts';
import type { TypeOf } from '../wire/schema.ts';
import type { Client, Hijacked } from './client.ts';
import { escapePath } from './query.ts';

/** What to run; `Detach` is how Docker's own clients tell it. */
export type ExecBody = ExecConfig & { readonly Detach: boolean };

export interface ExecStart {
  readonly Detach: boolean;
  readonly Tty: boolean;
  /** Height and width. */
  readonly ConsoleSize?: readonly [number, number];
}

export function createExec(client: Client, container: string, body: ExecBody): Promise<IdResponse> {
  return client.json('POST', `/containers/${escapePath(container)}/exec`, { json: body });
}

/** Starts it and leaves it alone. */
export function startExec(client: Client, id: string, body: ExecStart): Promise<void> {
  return client.send('POST', `/exec/${escapePath(id)}/start`, { json: body });
}

/** Starts it with its streams on the connection. */
export function attachExec(client: Client, id: string, body: ExecStart): Promise<Hijacked> {
  return client.hijack(`/exec/${escapePath(id)}/start`, { json: body });
}

export function inspectExec(client: Client, id: string): Promise<TypeOf<typeof ExecInspect>> {
  return client.json('GET', `/exec/${escapePath(id)}/json`);
}

export function resizeExec(client: Client, id: string, height: number, width: number): Promise<void> {
  return client.send('POST', `/exec/${escapePath(id)}/resize`, { query: { h: height, w: width } });
}
