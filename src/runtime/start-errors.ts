import { codeOf, messageOf } from '../base/errors.ts';
import { O_CREAT } from '../plan/constants.ts';
import { errno, errnoName } from '../plan/errno.ts';
import { HOST, type Operation, type Plan } from '../plan/operations.ts';
import { PlanError } from '../plan/plan-error.ts';
import { StartError } from './start-error.ts';

/**
 * Failures in the words of Docker 28 with runc 1.2. Clients look into them: the docker command line takes its exit status from
 * "executable file not found", "permission denied" and the like.
 */
const START_PREFIX =
  'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: ';
const EXEC_PREFIX = 'OCI runtime exec failed: exec failed: ';
const PROCESS_PREFIX = 'unable to start container process: ';
const INIT_PREFIX = 'error during container init: ';

/** A spec that cannot be carried out. `step` is where runc would notice, empty where it checks the spec. */
export function specError(reason: string, step = ''): StartError {
  const text = `${START_PREFIX}${step === '' ? '' : `${step}: `}${reason}: unknown`;
  return withExitCode(text);
}

/** Why a container did not start. Anything but a step's failure is passed on. */
export function startErrorOf(error: unknown, plan: Partial<Plan>): unknown {
  if (error instanceof StartError) return error;
  if (error instanceof PlanError) return planErrorOf(error, plan, false);
  return codeOf(error) === 'invalid-argument' ? specErrorFrom(error) : error;
}

/** Why an exec did not start. */
export function execErrorOf(error: unknown, plan: Partial<Plan>): unknown {
  return error instanceof PlanError ? planErrorOf(error, plan, true) : error;
}

function specErrorFrom(error: unknown): StartError {
  return withExitCode(`${START_PREFIX}${messageOf(error)}: unknown`, error);
}

function planErrorOf(error: PlanError, plan: Partial<Plan>, isExec: boolean): StartError {
  const { failure } = error;
  const step = plan[failure.stage]?.[failure.index];
  const missing = subpathReason(error, plan);
  if (missing !== undefined) return withExitCode(missing, error);
  if (step?.op === 'resolveUser') return new StartError(128, failure.detail || error.message, error);
  if (step?.op === 'netlink' || step?.op === 'publish') {
    return new StartError(128, `failed to set up container networking: ${error.message}`, error);
  }
  const init = failure.stage === 'child' && !isExec ? INIT_PREFIX : '';
  const prefix = `${isExec ? EXEC_PREFIX : START_PREFIX}${PROCESS_PREFIX}${init}`;
  const reason = callersReason(error, step);
  if (reason !== undefined) return withExitCode(`${prefix}${reason}: unknown`, error);
  return new StartError(128, `${prefix}${engineReason(error, step)}: unknown`, error);
}

/** Docker decides on the exit code, and whether the caller is at fault, by the words of the message. */
function withExitCode(message: string, cause?: unknown): StartError {
  const text = message.toLowerCase();
  if (text.includes('permission denied')) return new StartError(126, message, cause);
  // What Docker adds keeps clients working that look for "permission denied" only.
  if (text.includes('is a directory')) return new StartError(126, `${message}: permission denied`, cause);
  if (text.includes('not a directory')) return new StartError(127, `${message}: ${wrongKindHint}`, cause);
  const missing = ['executable file not found', 'no such file or directory'];
  if (missing.some((words) => text.includes(words))) return new StartError(127, message, cause);
  return new StartError(text.includes('exec format error') ? 126 : 128, message, cause);
}

const wrongKindHint =
  'Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type';

/** What the caller asked for and cannot have; undefined for steps of the engine's own making. */
function callersReason(error: PlanError, step: Operation | undefined): string | undefined {
  const reason = kernelReason(error);
  switch (step?.op) {
    case 'exec':
      return execReason(error, step.argv[0] ?? '', reason);
    case 'bind':
      return mountReason(
        step.sourcePath,
        step.path,
        step.recursive === 1 ? 'MS_BIND|MS_REC' : 'MS_BIND',
        reason,
      );
    case 'mount':
      return mountReason(step.source, step.path, '0x0', withDetail(reason, error));
    case 'workingDirectory':
      return step.create === 1
        ? `mkdir ${step.path}: ${reason}`
        : `chdir to cwd (${JSON.stringify(step.path)}) set in config.json failed: ${reason}`;
    case 'sysctl':
      return sysctlReason(step.path, reason, error);
    default:
      return undefined;
  }
}

/** Docker looks for a part of a volume before it asks the runtime. */
function subpathReason(error: PlanError, plan: Partial<Plan>): string | undefined {
  const { stage, index, detail } = error.failure;
  const step = plan[stage]?.[index];
  const source = plan[stage]?.[index - 1];
  if (step?.op !== 'bind' || step.sourceDir === HOST || detail !== 'source' || source?.op !== 'open')
    return undefined;
  const path = `${source.path}/${step.sourcePath}`;
  return `cannot access path ${path}: lstat ${path}: ${kernelReason(error)}`;
}

function engineReason(error: PlanError, step: Operation | undefined): string {
  if (step?.op === 'rlimit') return `error setting rlimit type ${step.resource}: ${kernelReason(error)}`;
  // What is written into a new file may be a secret.
  if (step?.op !== 'write' || (Number(step.flags) & O_CREAT) !== 0) return error.message;
  const value = JSON.stringify(new TextDecoder().decode(step.data));
  return `error setting cgroup config for procHooks process: failed to write ${value}: write ${step.path}: ${kernelReason(error)}`;
}

function kernelReason({ failure }: PlanError): string {
  return failure.errno === 0 ? failure.detail : errnoName(failure.errno).message;
}

/** With what the kernel's mount API says besides the number, "tmpfs: Bad value for 'size'". */
function withDetail(reason: string, { failure }: PlanError): string {
  return failure.errno === 0 || failure.detail === '' ? reason : `${reason} (${failure.detail})`;
}

function sysctlReason(path: string, reason: string, { failure }: PlanError): string {
  const name = path.replaceAll('/', '.');
  return failure.errno === errno.ENOENT
    ? `open sysctl ${name} file: open /proc/sys/${path}: ${reason}`
    : `write sysctl key ${name}: write /proc/sys/${path}: ${reason}`;
}

function execReason(error: PlanError, program: string, reason: string): string {
  const { failure } = error;
  const quoted = JSON.stringify(program);
  if (program === '') return `exec: "": executable file not found in $PATH`;
  if (failure.errno === errno.ENOENT) {
    return program.includes('/')
      ? `exec: ${quoted}: stat ${program}: ${reason}`
      : `exec: ${quoted}: executable file not found in $PATH`;
  }
  return `exec: ${quoted}: ${reason}`;
}

function mountReason(source: string, target: string, flags: string, reason: string): string {
  const names = `${JSON.stringify(source)} to rootfs at ${JSON.stringify(target)}`;
  return `error mounting ${names}: mount src=${source}, dst=${target}, flags=${flags}: ${reason}`;
}
