import { afterEach, beforeEach } from 'bun:test';
import { background } from '../../base/context.ts';
import { codeOf } from '../../base/errors.ts';
import type { Descriptor } from '../../oci/image.ts';
import { parseReference } from '../../oci/reference.ts';
import type { Credentials, RegistryClient, RemoteImage } from '../contract.ts';
import { createRegistryClient } from '../registry-client.ts';
import type { Patience } from '../retries.ts';
import { RegistryDouble } from './registry-double.ts';

export const context = background();
export const patience: Patience = {
  stall: 20_000,
  attempts: 3,
  firstDelay: 1,
  longestDelay: 4,
  longestWait: 2_000,
};
/** For tests of stalls: a busy machine must not look like one elsewhere. */
export const hurry: Patience = { ...patience, stall: 500 };
export const platform = { os: 'linux', architecture: 'amd64' };
export const someone: Credentials = {
  username: 'user',
  password: 'secret',
  identityToken: '',
  registryToken: '',
};

/** A registry of each test's own, and an impatient client of it. */
export class ClientBench {
  #registry: RegistryDouble | undefined;
  /** Of the clients that it makes in this test. */
  patience: Patience = patience;

  /** To be called once in a test file, outside of tests. */
  static open(): ClientBench {
    const bench = new ClientBench();
    beforeEach(() => {
      bench.#registry = new RegistryDouble();
      bench.patience = patience;
    });
    afterEach(() => bench.registry[Symbol.asyncDispose]());
    return bench;
  }

  get registry(): RegistryDouble {
    if (this.#registry === undefined) throw new Error('a registry is there only while a test runs');
    return this.#registry;
  }

  /** The whole name of a repository in the registry. */
  here(name: string): string {
    return `${this.registry.host}/${name}`;
  }

  client(registryMirrors: readonly string[] = []): RegistryClient {
    return createRegistryClient(() => ({ registryMirrors, insecureRegistries: [] }), this.patience);
  }

  resolve(name: string, credentials?: Credentials, mirrors?: readonly string[]): Promise<RemoteImage> {
    return this.client(mirrors).resolve(context, parseReference(name), { platform, credentials });
  }
}

/** What a promise fails with: its code and message. */
export function failureOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'it did not fail',
    (error) => `${codeOf(error)}: ${error.message}`,
  );
}

export async function read(
  image: RemoteImage,
  layer: Descriptor,
  options: Parameters<RemoteImage['layer']>[2] = {},
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of image.layer(context, layer, options)) parts.push(part);
  return Buffer.concat(parts);
}
