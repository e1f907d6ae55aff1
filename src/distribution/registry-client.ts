import type { Context } from '../base/context.ts';
import { isCode } from '../base/errors.ts';
import { type Reference, withDefaultTag } from '../oci/reference.ts';
import type {
  AuthenticationResult,
  Credentials,
  PushTarget,
  RegistryClient,
  RemoteDescription,
  RemoteImage,
  ResolveOptions,
  SearchOptions,
  SearchResult,
} from './contract.ts';
import { describe } from './description.ts';
import { type Endpoint, endpointsOf, type RegistrySettings } from './endpoints.ts';
import { explain, isUnreachable } from './failures.ts';
import { authenticate } from './login.ts';
import { RepositoryTarget } from './push-target.ts';
import { RepositoryImage } from './remote-image.ts';
import { Repository } from './repository.ts';
import { findManifest } from './resolution.ts';
import { defaultPatience, type Patience } from './retries.ts';
import { search } from './search.ts';
import { Session, type SessionOptions } from './session.ts';
import { Transport } from './transport.ts';

/** A client of all registries; `settings` are asked anew each time. */
export function createRegistryClient(
  settings: () => RegistrySettings,
  patience: Patience = defaultPatience,
): RegistryClient {
  return new HttpRegistryClient(settings, patience);
}

class HttpRegistryClient implements RegistryClient {
  readonly #settings: () => RegistrySettings;
  readonly #patience: Patience;
  readonly #transport: Transport;

  constructor(settings: () => RegistrySettings, patience: Patience) {
    this.#settings = settings;
    this.#patience = patience;
    this.#transport = new Transport(settings, patience);
  }

  resolve(context: Context, given: Reference, options: ResolveOptions): Promise<RemoteImage> {
    const reference = withDefaultTag(given);
    return this.#atEndpoints(context, reference, options.credentials, async (repository, others) => {
      const { documents, manifest } = await findManifest(context, repository, reference, options);
      return new RepositoryImage({
        ...{ reference, documents, manifest, transport: this.#transport, patience: this.#patience },
        repositories: repository.endpoint.isMirror ? [repository, ...others] : [repository],
      });
    });
  }

  describe(
    context: Context,
    given: Reference,
    credentials: Credentials | undefined,
  ): Promise<RemoteDescription> {
    const reference = withDefaultTag(given);
    return this.#atEndpoints(context, reference, credentials, (repository) =>
      describe(context, repository, reference, this.#patience),
    );
  }

  tags(
    context: Context,
    reference: Reference,
    credentials: Credentials | undefined,
  ): Promise<readonly string[]> {
    return this.#atEndpoints(context, reference, credentials, (repository) => repository.tags(context));
  }

  async target(
    context: Context,
    reference: Reference,
    credentials: Credentials | undefined,
  ): Promise<PushTarget> {
    const endpoints = endpointsOf(reference.domain, this.#settings()).filter(({ isMirror }) => !isMirror);
    let failure: unknown;
    for (const endpoint of endpoints) {
      const session = this.#session(endpoint, credentials, `repository:${reference.path}:pull,push`);
      try {
        await session.introduce(context);
        return new RepositoryTarget(session, reference);
      } catch (error) {
        context.signal.throwIfAborted();
        failure = error;
        if (!isUnreachable(error)) break;
      }
    }
    throw explain(failure, reference);
  }

  authenticate(context: Context, address: string, credentials: Credentials): Promise<AuthenticationResult> {
    return authenticate(context, this.#access, address, credentials);
  }

  search(context: Context, term: string, options: SearchOptions): Promise<readonly SearchResult[]> {
    return search(context, this.#access, term, options);
  }

  get #access(): Pick<SessionOptions, 'transport' | 'settings' | 'patience'> {
    return { transport: this.#transport, settings: this.#settings, patience: this.#patience };
  }

  #session(endpoint: Endpoint, credentials: Credentials | undefined, scope: string): Session {
    return new Session({ ...this.#access, endpoint, credentials, scopes: [scope] });
  }

  /** Does the work at the first endpoint that can; the last one's failure is the one that counts. */
  async #atEndpoints<T>(
    context: Context,
    reference: Reference,
    credentials: Credentials | undefined,
    work: (repository: Repository, others: readonly Repository[]) => Promise<T>,
  ): Promise<T> {
    const repositories = endpointsOf(reference.domain, this.#settings()).map((endpoint) => {
      const session = this.#session(endpoint, credentials, `repository:${reference.path}:pull`);
      return new Repository(session, reference.path);
    });
    let failure: unknown;
    for (const [position, repository] of repositories.entries()) {
      const { isMirror, url } = repository.endpoint;
      try {
        return await work(repository, repositories.slice(position + 1));
      } catch (error) {
        context.signal.throwIfAborted();
        failure = error;
        // What fits no platform in a mirror fits none anywhere else.
        if (isCode(error, 'not-found') || (!isMirror && !isUnreachable(error))) break;
        context.log.debug('a registry did not serve', { url: url.href, error: String(error) });
      }
    }
    throw explain(failure, reference);
  }
}
