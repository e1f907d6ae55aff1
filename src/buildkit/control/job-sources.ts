import type { Context } from '../../base/context.ts';
import { invalid } from '../../base/errors.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import type { Platform } from '../../oci/image.ts';
import type { BuildkitParts } from '../parts.ts';
import { sessionStore } from '../session/content-store.ts';
import type { ClientSession, ClientSessions } from '../sessions.ts';
import type { BuildResults, FrontendCall } from './build-job.ts';
import type { BuildProgress } from './build-progress.ts';
import type { NamedInput, SourceParts } from './build-sources.ts';
import { openLayoutImage } from './layout-image.ts';
import { remoteOf } from './remote-definition.ts';
import { referenceIn } from './result-definition.ts';

/** What a build's sources are opened with. */
export interface JobSources {
  readonly parts: BuildkitParts;
  readonly sessions: ClientSessions;
  readonly session: ClientSession;
  readonly call: FrontendCall;
  readonly results: BuildResults;
  readonly progress: BuildProgress;
  /** Of images that are only here for the build. */
  readonly platform: Platform;
  readonly kept: AsyncDisposableStack;
}

export function jobSources(context: Context, given: JobSources): SourceParts {
  const { parts, session, progress } = given;
  return {
    ...{ builder: parts.builder, session, progress },
    sessionOf: (name) => sessionOf(context, given, name),
    inputOf: (name) => inputOf(given, name),
    layoutImage: (place) => layoutImage(context, given, place),
  };
}

/** Several builds may share a session that has their directories. */
async function sessionOf(
  context: Context,
  { sessions, session, call: { attributes } }: JobSources,
  name: string,
): Promise<ClientSession> {
  const other = attributes[`local-sessionid:${name}`] ?? '';
  const found = other === '' ? session : await sessions.find(other, context.signal);
  const sharedKey = attributes[`sharedkey:localdir:${name}`] ?? found.sharedKey;
  return { ...found, sharedKey };
}

function inputOf({ call: { inputs }, results }: JobSources, name: string): NamedInput {
  const definition = inputs[name];
  if (definition === undefined) throw invalid(`the client has no input ${JSON.stringify(name)}`);
  const reference = referenceIn(definition);
  return reference === undefined ? { url: remoteOf(definition) } : { image: results(reference) };
}

/** "STORE:tag@sha256:…" */
async function layoutImage(
  context: Context,
  { parts, session, platform, kept }: JobSources,
  place: string,
): Promise<Digest> {
  const [, id = '', digest = ''] = /^([^:@/]+)(?::[^@]*)?@(.+)$/.exec(place) ?? [];
  if (!isDigest(digest)) throw invalid(`the OCI layout ${JSON.stringify(place)} is named without a digest`);
  const store = sessionStore(session, `oci:${id}`);
  return kept.use(await openLayoutImage(context, parts.images, { store, digest }, platform)).id;
}
