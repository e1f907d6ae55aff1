/** What clients ask for before they use it (BuildKit's frontend/gateway/pb/caps.go and solver/pb/caps.go), as far as it is served here. */

/** For front ends that run with the client. */
export const frontendCapabilities: readonly string[] = [
  'solve.base',
  'solve.inlinereturn',
  'return',
  'returnmap',
  'proto.refarray',
  'reference.output',
  'frontend.inputs',
  'frontend.caps',
  'gateway.solve.metadata',
  'gateway.solve.evaluate',
  'gateway.evaluate',
  'gateway.warnings',
];

/** For builds and what comes of them. */
export const buildCapabilities: readonly string[] = [
  'source.image',
  'source.image.resolvemode',
  'source.local',
  'source.local.unique',
  'source.local.sessionid',
  'source.local.includepatterns',
  'source.local.followpaths',
  'source.local.excludepatterns',
  'source.local.sharedkeyhint',
  'exporter.image.annotations',
  'exporter.image.attestations',
  'exporter.sourcedateepoch',
  'exporter.multiple',
  'gc.freespacefilter',
  'history.filter',
];
