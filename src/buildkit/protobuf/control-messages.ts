import { Definition } from './definition-messages.ts';
import {
  big,
  byteLists,
  bytes,
  bytesMap,
  flag,
  list,
  message,
  messageMap,
  nested,
  number,
  text,
  textMap,
  texts,
} from './message.ts';
import { Stat } from './session-messages.ts';
import { Status } from './status-message.ts';

/** What is in use of moby.buildkit.v1 (api/services/control/control.proto) and the types that it refers to. */

/** google.protobuf.Timestamp. */
export const Timestamp = message({ seconds: big(1), nanoseconds: number(2) });

const Range = message({
  start: nested(1, message({ line: number(1), character: number(2) })),
  end: nested(2, message({ line: number(1), character: number(2) })),
});

const SourceInfo = message({ filename: text(1), data: bytes(2), language: text(4) });

const CacheEntry = message({ type: text(1), attributes: textMap(2) });

const Exporter = message({ type: text(1), attributes: textMap(2) });

export const SolveRequest = message({
  ref: text(1),
  definition: nested(2, Definition),
  /** Before there could be several exporters. */
  exporter: text(3),
  exporterAttributes: textMap(4),
  session: text(5),
  frontend: text(6),
  frontendAttributes: textMap(7),
  cache: nested(8, message({ imports: list(5, CacheEntry), exports: list(4, CacheEntry) })),
  entitlements: texts(9),
  inputs: messageMap(10, Definition),
  internal: flag(11),
  /** moby.buildkit.v1.sourcepolicy.Policy: only whether there is one. */
  sourcePolicy: nested(12, message({ rules: byteLists(2) })),
  exporters: list(13, Exporter),
});

export const SolveResponse = message({ exporterResponse: textMap(1) });

export const StatusRequest = message({ ref: text(1) });

const Vertex = message({
  digest: text(1),
  inputs: texts(2),
  name: text(3),
  cached: flag(4),
  started: nested(5, Timestamp),
  completed: nested(6, Timestamp),
  error: text(7),
});

/** How something within a vertex gets on: a transfer. */
const VertexStatus = message({
  id: text(1),
  vertex: text(2),
  name: text(3),
  current: number(4),
  total: number(5),
  timestamp: nested(6, Timestamp),
  started: nested(7, Timestamp),
  completed: nested(8, Timestamp),
});

const VertexLog = message({
  vertex: text(1),
  timestamp: nested(2, Timestamp),
  stream: number(3),
  data: bytes(4),
});

const VertexWarning = message({
  vertex: text(1),
  level: number(2),
  short: bytes(3),
  detail: byteLists(4),
  url: text(5),
  info: nested(6, SourceInfo),
  ranges: list(7, Range),
});

export const StatusResponse = message({
  vertexes: list(1, Vertex),
  statuses: list(2, VertexStatus),
  logs: list(3, VertexLog),
  warnings: list(4, VertexWarning),
});

const Platform = message({ architecture: text(1), os: text(2), variant: text(3) });

export const BuildkitVersion = message({ package: text(1), version: text(2), revision: text(3) });

export const WorkerRecord = message({
  id: text(1),
  labels: textMap(2),
  platforms: list(3, Platform),
  version: nested(5, BuildkitVersion),
});

export const Empty = message({});

export const ListWorkersResponse = message({ records: list(1, WorkerRecord) });

export const InfoResponse = message({ version: nested(1, BuildkitVersion) });

export const UsageRecord = message({
  id: text(1),
  mutable: flag(2),
  inUse: flag(3),
  size: number(4),
  createdAt: nested(6, Timestamp),
  lastUsedAt: nested(7, Timestamp),
  usageCount: number(8),
  description: text(9),
  recordType: text(10),
  shared: flag(11),
  parents: texts(12),
});

/** `ageLimit`, `keepDuration`: nanoseconds. */
export const DiskUsageRequest = message({ filters: texts(1), ageLimit: number(2) });
export const DiskUsageResponse = message({ records: list(1, UsageRecord) });

export const PruneRequest = message({
  filters: texts(1),
  all: flag(2),
  keepDuration: number(3),
  reservedSpace: number(4),
  maxUsedSpace: number(5),
  minFreeSpace: number(6),
});

/** moby.buildkit.v1.frontend (frontend/gateway/pb/gateway.proto): a front end that runs with the client asks for what it needs. */

const Ref = message({ id: text(1), definition: nested(2, Definition) });

const Result = message({
  ref: nested(3, Ref),
  refs: nested(4, message({ refs: list(1, message({ key: text(1), value: nested(2, Ref) })) })),
  metadata: bytesMap(10),
});

export const FrontendSolveRequest = message({
  definition: nested(1, Definition),
  frontend: text(2),
  options: textMap(3),
  inputs: messageMap(13, Definition),
  final: flag(10),
  evaluate: flag(14),
});

export const FrontendSolveResponse = message({ ref: text(1), result: nested(3, Result) });

export const ReturnRequest = message({
  result: nested(1, Result),
  error: nested(2, Status),
});

const Capability = message({ id: text(1), enabled: flag(2) });

export const Pong = message({
  frontend: list(1, Capability),
  definition: list(2, Capability),
  workers: list(3, WorkerRecord),
});

export const ReadFileRequest = message({
  ref: text(1),
  path: text(2),
  /** `length` 0: all that follows. */
  range: nested(3, message({ offset: number(1), length: number(2) })),
});
export const ReadFileResponse = message({ data: bytes(1) });

export const StatFileRequest = message({ ref: text(1), path: text(2) });
export const StatFileResponse = message({ stat: nested(1, Stat) });
