import { flag, text } from './query.ts';
import { boolean, int64, list, map, nullable, optional, string, struct, type TypeOf } from './schema.ts';

/**
 * `POST /build?progress=events`: what happens in a build as objects, instead of the text that other clients show. The stream has one
 * object after the other, each with one of BuildEvent's keys. Vertices are named by their digests; `time` is milliseconds since the epoch.
 */

/** The value of the query's `progress` that asks for events. */
export const EVENTS = 'events';

/** Physical lines of the Dockerfile, counted from 1, both included. */
const Lines = struct('Lines', { first: int64, last: int64 });

const BuildVertex = struct('BuildVertex', { digest: string, name: string, inputs: list(string) });

const BuildStarted = struct('BuildStarted', { digest: string, time: int64 });

/** `stream`: 1 for standard output, 2 for error; `data` in base64, since a step may write anything. */
const BuildOutput = struct('BuildOutput', { digest: string, stream: int64, data: string, time: int64 });

/** Bytes of a download or a transfer, named within its vertex; `total` is 0 when it is not known. */
const BuildTransfer = struct('BuildTransfer', {
  digest: string,
  id: string,
  current: int64,
  total: int64,
  time: int64,
});

const BuildDone = struct('BuildDone', {
  digest: string,
  cached: boolean,
  error: optional(string),
  time: int64,
});

/** A rule of the linter that the Dockerfile breaks. `excerpt` shows the lines with what is around them. */
const BuildWarning = struct('BuildWarning', {
  rule: string,
  description: string,
  url: string,
  detail: string,
  lines: Lines,
  excerpt: string,
});
export type BuildWarning = TypeOf<typeof BuildWarning>;

/**
 * Why there is no image; always the last event. `code` is the exit status of a step's command, 0 for all other reasons; `digest` the
 * vertex that failed, empty when none had begun.
 */
const BuildFailure = struct('BuildFailure', {
  message: string,
  code: int64,
  digest: string,
  lines: nullable(Lines),
  excerpt: string,
});
export type BuildFailure = TypeOf<typeof BuildFailure>;

/** An image that was made, "sha256:…", one for each platform ("linux/amd64"), in the order asked for. */
const BuildImage = struct('BuildImage', {
  ID: string,
  Platform: optional(string),
  /** Digest of its manifest, where an index names it. */
  Manifest: optional(string),
  /** Whether it was not there before. */
  New: optional(boolean),
});

/** What the names of a build stand for where they stand for more than one image, or for statements too. `Size` is bytes. */
const BuildIndex = struct('BuildIndex', { Digest: string, Size: int64 });

/** What the index says about the image of a platform: an in-toto statement, JSON in base64. */
const BuildStatement = struct('BuildStatement', { Platform: string, PredicateType: string, Data: string });
export type BuildStatement = TypeOf<typeof BuildStatement>;

/**
 * With `debug`: a step has failed, and `POST /build/shells/{id}/start` runs a command in it, for half a minute; the build fails when that has
 * ended. `Cmd` is what is run where nothing else is asked for.
 */
const BuildShell = struct('BuildShell', { digest: string, id: string, Cmd: list(string), error: string });
export type BuildShell = TypeOf<typeof BuildShell>;

/** The body of `POST /build/shells/{id}/start`. What is empty is as it is in the step; ConsoleSize is rows and columns. */
export const BuildShellStart = struct('BuildShellStart', {
  Cmd: list(string),
  Env: list(string),
  User: string,
  WorkingDir: string,
  ConsoleSize: optional(list(int64)),
});
export type BuildShellStart = TypeOf<typeof BuildShellStart>;

/** The answer to `call`: for programs, as JSON text, and for people. `status` is 1 where something is not as it should be. */
const BuildAnswer = struct('BuildAnswer', { json: string, text: string, status: int64 });
export type BuildAnswer = TypeOf<typeof BuildAnswer>;

/**
 * What the client is to do with a blob of one of its directories (BuildDirectory): bring a "wanted" one from byte `Offset` on, or get an "offered"
 * one, while the build waits. With "finished" all blobs of a cache are there, and this one, a manifest or index, is what it is known by.
 */
const BuildBlob = struct('BuildBlob', {
  Kind: string,
  Directory: string,
  Digest: string,
  Size: int64,
  MediaType: string,
  Offset: int64,
});
export type BuildBlob = TypeOf<typeof BuildBlob>;

export const BuildEvent = struct('BuildEvent', {
  vertex: optional(BuildVertex),
  started: optional(BuildStarted),
  output: optional(BuildOutput),
  transfer: optional(BuildTransfer),
  done: optional(BuildDone),
  warning: optional(BuildWarning),
  failure: optional(BuildFailure),
  shell: optional(BuildShell),
  blob: optional(BuildBlob),
  answer: optional(BuildAnswer),
  aux: optional(BuildImage),
  index: optional(BuildIndex),
  statement: optional(BuildStatement),
});
export type BuildEvent = TypeOf<typeof BuildEvent>;

/** What `POST /build` takes beyond what Docker's does. */
export const ownBuildParameters = {
  /** EVENTS; anything else is the text of Docker's classic builder. */
  progress: text(),
  /** A question that is answered instead of a build: "outline", "targets", "lint" (BuildAnswer). */
  call: text(),
  /** The first step that fails is kept for a shell in it (BuildShell). */
  debug: flag(),
  /** JSON list of stages' names. */
  nocachefilter: text(),
  /** JSON list of what steps may ask for: "network.host". */
  entitlements: text(),
  /** JSON object: by "provenance" or "sbom" the fields of what is to be said about the images, "mode=max,version=v1". */
  attestations: text(),
  /** JSON object: annotations of manifests and index, by "annotation-manifest[linux/arm64].key". */
  annotations: text(),
  /** JSON list: what statements call the images, where they get no names. */
  statementnames: text(),
  /** Of the layers in manifests: "uncompressed", "gzip", "zstd"; empty for what suits. */
  compression: text(),
  /** JSON object: by the ID that a Dockerfile uses, the path of an agent's socket on the daemon's host. */
  ssh: text(),
  /** JSON object: by the name that a Dockerfile uses, "docker-image://…", a URL, or "context:ID" of an uploaded one. */
  contexts: text(),
  /** JSON list of caches that steps may come from, BuildKit's types and attributes: `{"Type":"registry","Attrs":{"ref":"…"}}`; with `Directory` its ID. */
  cacheimports: text(),
  /** The same of caches that steps are to be kept in. */
  cacheexports: text(),
  /** The ID of KeptSecrets. */
  secrets: text(),
  /** The ID of a ComparedContext: the context is that one, and the body is a tar of the files that were wanted of it (ListedContext). */
  context: text(),
} as const;

/** The body of `POST /build/secrets`: by the ID that a Dockerfile uses, the bytes in base64. */
export const BuildSecrets = struct('BuildSecrets', { Secrets: map(string) });

/** Its answer: the secrets of one build that follows, kept for a while. */
export const KeptSecrets = struct('KeptSecrets', { ID: string });
export type KeptSecrets = TypeOf<typeof KeptSecrets>;

/** The body of `POST /build/directories`: the blobs that a client has in a directory for caches of a build that follows. */
export const BuildDirectory = struct('BuildDirectory', {
  Blobs: list(struct('BuildDirectoryBlob', { Digest: string, Size: int64 })),
});

/** The answer, good for one build, for a while. */
export const AddedBuildDirectory = struct('AddedBuildDirectory', { ID: string });
export type AddedBuildDirectory = TypeOf<typeof AddedBuildDirectory>;

/** The answer to `PUT /build/mounts/{id}/archive`: the ID of the cache mount's record. */
export const ImportedMount = struct('ImportedMount', { ID: string });
export type ImportedMount = TypeOf<typeof ImportedMount>;

/** The answer to `POST /build/contexts`, whose body is a tar: a named context of builds that follow, kept for a while. */
export const UploadedContext = struct('UploadedContext', { ID: string });
export type UploadedContext = TypeOf<typeof UploadedContext>;

/** One directory of a context, or some of what is in it; see `POST /build/contexts/list`. */
export type ContextListing = readonly [
  path: string,
  mode: number | null,
  seconds: number,
  ...entries: (readonly [
    name: string,
    mode: number,
    size: number,
    seconds: number,
    stamp: string,
    target?: string,
  ])[],
];

/** `Paths`: patterns as in a `.dockerignore` that mean what is needed, with all below it; none where all is. */
export const ContextPaths = struct('ContextPaths', { Paths: optional(list(string)) });
export type ContextPaths = TypeOf<typeof ContextPaths>;

/** `Unknown`: the listings, counted from 0, that the daemon has not. The ID is good for one build, for a while. */
export const ComparedContext = struct('ComparedContext', { ID: string, Unknown: list(int64) });
export type ComparedContext = TypeOf<typeof ComparedContext>;

/** `Wanted`: of all entries of the listings that were sent, counted from 0, the files whose bytes the daemon has not. */
export const ListedContext = struct('ListedContext', { Wanted: list(int64) });
export type ListedContext = TypeOf<typeof ListedContext>;
