import { randomBytes } from 'node:crypto';
import { parseBoolean } from '../../wire/booleans.ts';
import type { Invocation } from '../command.ts';
import { CommandError } from '../command-error.ts';
import type { Session } from '../session.ts';
import { agentSockets } from './agents.ts';
import { annotationsOf } from './annotations.ts';
import { attestationsOf } from './attestations.ts';
import { type CacheFlags, cacheFlags } from './cache-flags.ts';
import { type Question, questionOf } from './call-flag.ts';
import { checkOutputs } from './deliver.ts';
import type { BuildOptions, buildFlags } from './flags.ts';
import { readInvoke } from './invoke.ts';
import { keepsImage, type Outputs, outputsOf } from './outputs.ts';
import { readSecrets } from './secrets.ts';
import { refuseUnsupported } from './unsupported.ts';

/** What a command line asks for, checked as far as that needs neither the context nor a daemon. */
export interface BuildPlan {
  readonly options: BuildOptions;
  /** The daemon speaks in events; otherwise as Docker's classic builder does. */
  readonly events: boolean;
  readonly progress: string;
  /** A shell is opened in a step that fails. */
  readonly debug: boolean;
  /** What is to be answered instead of a build. */
  readonly question: Question | undefined;
  readonly outputs: Outputs;
  readonly names: readonly string[];
  /** Whether the image is to be in the store, by its names. */
  readonly keepsImage: boolean;
  /** By the keys that the daemon takes. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly attestations: Readonly<Record<string, string>>;
  /** By which the daemon knows the build. */
  readonly id: string;
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  readonly agents: Readonly<Record<string, string>>;
  /** Of a builder that is not the classic one. */
  readonly caches: CacheFlags;
}

/** Throws CommandError. */
export function planBuild({ options, changed, session }: Invocation<typeof buildFlags>): BuildPlan {
  const events = wantsEvents(session.io.environment['DOCKER_BUILDKIT'] ?? '');
  refuseUnsupported(options);
  if (!events) refuseForClassic(changed);
  const outputs = outputsOf(options);
  checkOutputs(outputs, session.io);
  const names = [...options.tag, ...outputs.names];
  if (outputs.outputs.some(({ type }) => type === 'push') && names.length === 0) {
    throw new CommandError('tag is needed when pushing to registry');
  }
  return {
    options,
    events,
    debug: wantsShell(options, session.io),
    progress: options.quiet ? 'quiet' : progressOf(options, changed, session),
    question: questionOf(options),
    outputs,
    names,
    keepsImage: keepsImage(outputs),
    annotations: { ...outputs.annotations, ...annotationsOf(options.annotation) },
    attestations: attestationsOf(options),
    id: randomBytes(16).toString('hex'),
    secrets: readSecrets(options.secret, session.io.environment),
    agents: agentSockets(options.ssh, session),
    caches: events ? cacheFlags(options) : { imports: [], exports: [] },
  };
}

/** There is none without a terminal: in a script the same command line is a build like any other. */
function wantsShell({ debug, invoke }: BuildOptions, io: Session['io']): boolean {
  if (!debug && invoke === '') return false;
  readInvoke(invoke);
  if (io.stdinIsTerminal && io.stdoutIsTerminal) return true;
  io.err('WARNING: --debug opens no shell: standard input and output are not a terminal\n');
  return false;
}

function progressOf(
  { progress }: BuildOptions,
  changed: Invocation<typeof buildFlags>['changed'],
  { io }: Session,
): string {
  const configured = io.environment['BUILDKIT_PROGRESS'] ?? '';
  return changed('progress') || configured === '' ? progress || 'auto' : configured;
}

/** Docker's own switch between its builders. */
function wantsEvents(setting: string): boolean {
  try {
    return setting === '' || parseBoolean(setting);
  } catch {
    throw new CommandError(
      `DOCKER_BUILDKIT environment variable expects boolean value: strconv.ParseBool: parsing ${JSON.stringify(setting)}: invalid syntax`,
    );
  }
}

const notClassic = [
  'annotation',
  'attest',
  'provenance',
  'sbom',
  'build-context',
  'cache-to',
  'call',
  'check',
  'debug',
  'invoke',
  'no-cache-filter',
  'secret',
  'ssh',
] as const;

function refuseForClassic(changed: Invocation<typeof buildFlags>['changed']): void {
  const given = notClassic.find((name) => changed(name));
  if (given !== undefined) {
    throw new CommandError(`the --${given} option requires BuildKit, which DOCKER_BUILDKIT=0 switches off`);
  }
}
