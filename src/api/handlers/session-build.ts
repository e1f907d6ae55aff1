import { invalid, SampanError } from '../../base/errors.ts';
import { isJsonObject } from '../../base/json.ts';
import type { SessionBuild } from '../../buildkit/contract.ts';
import type { Call } from '../call.ts';
import { ProgressWriter } from '../streams/progress-writer.ts';
import { args, list, texts } from './build-request.ts';

/** What the context is called that the client sends over its session. */
const CLIENT_SESSION = 'client-session';

type Query = Call<'build'>['query'];

/** A build as clients before `buildx` ask for it: the files come over a session, progress is BuildKit's within messages. */
export async function buildWithSession(call: Call<'build'>): Promise<void> {
  const { engine, context, query, request, response } = call;
  for await (const _ of request.body);
  const writer = new ProgressWriter(response);
  const { imageId } = await engine.buildkit.build(context, sessionBuild(query), (status) =>
    writer.message({ id: 'moby.buildkit.trace', aux: Buffer.from(status).toString('base64') }),
  );
  if (imageId !== '') writer.message({ id: 'moby.image.id', aux: { ID: imageId } });
  await writer.finish();
}

/** Fails with `invalid-argument`. */
function sessionBuild(query: Query): SessionBuild {
  if (query.session === '') throw invalid('a build of version 2 needs a session');
  return {
    id: query.buildid,
    session: query.session,
    attributes: attributesOf(query),
    exports: exportsOf(query),
    cacheImports: list('cachefrom', query.cachefrom).map((ref) => ({
      type: 'registry',
      attributes: { ref },
    })),
  };
}

function attributesOf(query: Query): Record<string, string> {
  const prefixed = (prefix: string, pairs: Record<string, string>) =>
    Object.fromEntries(Object.entries(pairs).map(([name, value]) => [`${prefix}:${name}`, value]));
  return {
    filename: query.dockerfile,
    target: query.target,
    platform: query.platform,
    'force-network-mode': query.networkmode,
    'cgroup-parent': query.cgroupparent,
    'add-hosts': query.extrahosts.map((entry) => entry.replace(':', '=')).join(','),
    'image-resolve-mode': query.pull ? 'pull' : 'default',
    'shm-size': String(query.shmsize ?? 0),
    ulimit: ulimits(query.ulimits),
    ...(query.nocache ? { 'no-cache': '' } : {}),
    ...(query.remote === CLIENT_SESSION ? {} : { context: remote(query.remote) }),
    ...prefixed('build-arg', args(query.buildargs)),
    ...prefixed('label', texts('labels', query.labels)),
  };
}

function remote(url: string): string {
  if (/^(?:https?|git|ssh):\/\/|^git@|^github\.com\//.test(url)) return url;
  throw new SampanError(
    'unimplemented',
    `a context from ${JSON.stringify(url)} is not supported in a session: send version=1`,
  );
}

function ulimits(source: string): string {
  return objects('ulimit settings', source)
    .map(({ Name, Soft, Hard }) => `${Name}=${Soft}:${Hard}`)
    .join(',');
}

/** Without any it is an image of ours. */
function exportsOf({ outputs, t }: Query): SessionBuild['exports'] {
  const wanted = objects('outputs', outputs);
  if (wanted.length === 0) return [{ type: 'moby', attributes: { name: t.join(',') } }];
  return wanted.map(({ Type, Attrs }) => ({
    type: String(Type),
    attributes: Object.fromEntries(
      Object.entries(isJsonObject(Attrs) ? Attrs : {}).map(([name, value]) => [name, String(value)]),
    ),
  }));
}

/** A JSON list of objects. */
function objects(what: string, source: string): readonly Record<string, unknown>[] {
  if (source === '') return [];
  try {
    const value: unknown = JSON.parse(source);
    return Array.isArray(value) ? value.filter(isJsonObject) : [];
  } catch {
    throw invalid(`error reading ${what}: not JSON`);
  }
}
