import type { Context } from '../base/context.ts';
import { type Reference, withDefaultTag } from '../oci/reference.ts';
import { RepositoryArtifact } from './artifact.ts';
import type {
  AuthenticationResult,
  Credentials,
  PushTarget,
  RegistryClient,
  RemoteArtifact,
  RemoteDescription,
  RemoteImage,
  ResolveOptions,
  SearchOptions,
  SearchResult,
} from './contract.ts';
import { describe } from './description.ts';
import { type Endpoint, endpointsOf, type RegistrySettings } from './endpoints.ts';
import { explain, type Purpose } from './failures.ts';
import { inTurn } from './in-turn.ts';
import { authenticate } from './login.ts';
import { RepositoryTarget } from './push-target.ts';
import { RepositoryImage } from './remote-image.ts';
import { Repository } from './repository.ts';
import { findManifest } from './resolution.ts';
import { defaultPatience, type Patience } from './retries.ts';
import { search } from './search.ts';
import { type Access, Session } from './session.ts';
import { Transport } from './transport.ts';

/** A client of all registries; `settings` are asked anew each time. */
export function createRegistryClient(
  settings: () => RegistrySettings,
  patience: Patience = defaultPatience,
): RegistryClient {
  return new HttpRegistryClient(settings, patience);
}

/** In whose name a repository is asked, and how the failures are told. */
interface Asking {
  readonly credentials: Credentials | undefined;
  readonly purpose?: Purpose;
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** Another endpoint may do better than a mirror that is in trouble. */
const MIRROR_ATTEMPTS = 2;

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
    return this.#reading(context, reference, options, async (repository, others) => {
      const { documents, manifest } = await findManifest(context, repository, reference, options);
      return new RepositoryImage({
        ...{ reference, documents, manifest, transport: this.#transport, settings: this.#settings },
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
    return this.#reading(context, reference, { credentials, purpose: 'describe' }, (repository) =>
      describe(context, repository, reference),
    );
  }

  artifact(
    context: Context,
    given: Reference,
    credentials: Credentials | undefined,
  ): Promise<RemoteArtifact> {
    const reference = withDefaultTag(given);
    return this.#reading(context, reference, { credentials }, (repository) =>
      RepositoryArtifact.find(context, repository, reference),
    );
  }

  tags(
    context: Context,
    reference: Reference,
    credentials: Credentials | undefined,
  ): Promise<readonly string[]> {
    return this.#reading(context, reference, { credentials }, (repository) => repository.tags(context));
  }

  async target(
    context: Context,
    reference: Reference,
    credentials: Credentials | undefined,
    onWarning?: (text: string) => void,
  ): Promise<PushTarget> {
    const endpoints = endpointsOf(reference.domain, this.#settings()).filter(({ isMirror }) => !isMirror);
    const sessions = endpoints.map((endpoint) =>
      this.#session(endpoint, `repository:${reference.path}:pull,push`, { credentials, onWarning }),
    );
    try {
      return await inTurn(context, sessions, async (session) => {
        await session.introduce(context);
        return new RepositoryTarget(session, reference);
      });
    } catch (error) {
      throw explain(error, reference, 'push');
    }
  }

  authenticate(context: Context, address: string, credentials: Credentials): Promise<AuthenticationResult> {
    return authenticate(context, this.#access, address, credentials);
  }

  search(context: Context, term: string, options: SearchOptions): Promise<readonly SearchResult[]> {
    return search(context, this.#access, term, options);
  }

  get #access(): Access {
    const { attempts, ...others } = this.#patience;
    const patience = { ...others, attempts: this.#settings().maxDownloadAttempts ?? attempts };
    return { transport: this.#transport, settings: this.#settings, patience };
  }

  #session(endpoint: Endpoint, scope: string, { credentials, onWarning }: Asking): Session {
    const { patience, ...access } = this.#access;
    const attempts = endpoint.isMirror ? Math.min(MIRROR_ATTEMPTS, patience.attempts) : patience.attempts;
    return new Session({
      ...access,
      patience: { ...patience, attempts },
      ...{ endpoint, credentials, scopes: [scope], onWarning },
    });
  }

  /** Does the work at the first endpoint that can. */
  async #reading<T>(
    context: Context,
    reference: Reference,
    asking: Asking,
    work: (repository: Repository, others: readonly Repository[]) => Promise<T>,
  ): Promise<T> {
    const repositories = endpointsOf(reference.domain, this.#settings()).map(
      (endpoint) =>
        new Repository(this.#session(endpoint, `repository:${reference.path}:pull`, asking), reference.path),
    );
    try {
      return await inTurn(context, repositories, (repository) =>
        work(repository, repositories.slice(repositories.indexOf(repository) + 1)),
      );
    } catch (error) {
      throw explain(error, reference, asking.purpose);
    }
  }
}
