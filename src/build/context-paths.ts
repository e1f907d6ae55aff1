import type { Context } from '../base/context.ts';
import type { Images } from '../images/contract.ts';
import { digestOf } from '../oci/digest.ts';
import type { Platform } from '../oci/image.ts';
import { hostPlatform, platformFit } from '../oci/platform.ts';
import { parseDockerfile } from './build-run.ts';
import type { ContextPathsRequest } from './contract.ts';
import { type CopySource, makeVertex, type RunMount, type Vertex } from './definition/vertex.ts';
import { type BaseImage, compile, type ImageResolver } from './frontend/compile.ts';

/** More are not worth asking for one by one. */
const MAX_PATHS = 1000;

/** See `Builder.contextPaths`. What is wrong with the Dockerfile is said when it is built. */
export async function contextPaths(
  context: Context,
  { images }: { readonly images: Pick<Images, 'find'> },
  request: ContextPathsRequest,
): Promise<readonly string[] | undefined> {
  const main = placeholder('context');
  try {
    const vertices = await verticesOf(context, new ImagesHere(images, request.pull), request, main);
    const paths = vertices.map((vertex) => pathsOf(vertex, main));
    if (paths.includes(undefined)) return undefined;
    const unique = [...new Set(paths.flatMap((each) => each ?? []))].sort();
    return unique.length <= MAX_PATHS && unique.every(isPattern) ? unique : undefined;
  } catch {
    return undefined;
  }
}

async function verticesOf(
  context: Context,
  images: ImageResolver,
  request: ContextPathsRequest,
  main: Vertex,
): Promise<readonly Vertex[]> {
  const file = parseDockerfile(request.dockerfile, request.style);
  const named = Object.entries(request.namedContexts).map(
    ([name, image]) => [name, image ?? placeholder(name)] as const,
  );
  const contexts = { ...Object.fromEntries(named), context: main };
  const compiled = await Promise.all(
    request.platforms.map((platform) => {
      const options = { ...request, noCache: false, platform, host: hostPlatform(), contexts, images };
      return compile(context, file, options);
    }),
  );
  return compiled.flatMap(({ vertices }) => vertices);
}

/** Stands for a tree whose content nobody knows yet. */
function placeholder(name: string): Vertex {
  const operation = { kind: 'local', name, content: digestOf('') } as const;
  return makeVertex(operation, [], { name, ignoresCache: false });
}

/** What of the context a vertex takes; undefined for all of it. */
function pathsOf({ operation, inputs }: Vertex, main: Vertex): readonly string[] | undefined {
  const taken = inputs.flatMap((input, index) => (input.digest === main.digest ? [index] : []));
  if (taken.length === 0) return [];
  if (taken.includes(0)) return undefined;
  if (operation.kind === 'copy') return operation.sources.flatMap((source) => copied(source, taken));
  if (operation.kind === 'run') return operation.mounts.flatMap((mount) => mounted(mount, taken));
  return undefined;
}

function copied(source: CopySource, inputs: readonly number[]): readonly string[] {
  if (source.type === 'inline' || !inputs.includes(source.input)) return [];
  return [source.hasWildcards ? source.path.slice(1) : literal(source.path)];
}

function mounted(mount: RunMount, inputs: readonly number[]): readonly string[] {
  if (mount.type !== 'bind' && mount.type !== 'cache') return [];
  return mount.input !== undefined && inputs.includes(mount.input) ? [literal(mount.source)] : [];
}

function literal(path: string): string {
  return path.slice(1).replace(/[*?[\]\\]/g, '\\$&');
}

/** Whether an ignore file may have it in a line. An empty one is the whole context. */
function isPattern(text: string): boolean {
  return text !== '' && text === text.trim() && !/[\n\r\0]/.test(text);
}

/** Images as far as they are here: what another one of the same name would copy is not known. */
class ImagesHere implements ImageResolver {
  readonly #images: Pick<Images, 'find'>;
  readonly #pulls: boolean;

  constructor(images: Pick<Images, 'find'>, pulls: boolean) {
    this.#images = images;
    this.#pulls = pulls;
  }

  async resolve(_context: Context, text: string, platform: Platform): Promise<BaseImage> {
    const image = this.#pulls ? undefined : this.#images.find(text);
    if (image === undefined || platformFit(platform, image.platform) <= 0) {
      throw new Error(`the image ${JSON.stringify(text)} is not here`);
    }
    return { reference: text, id: image.id, config: image.config };
  }
}
