import type { ContainerState, Health } from '../../containers/contract.ts';
import type { ContainerState as WireState } from '../../wire/container-types.ts';
import { humanDuration } from '../../wire/durations.ts';
import { ZERO_TIME } from '../../wire/times.ts';

/** Paused and restarting containers count as running. */
export function isRunning(state: ContainerState): boolean {
  return state.status === 'running' || state.status === 'paused' || state.status === 'restarting';
}

export function renderState(state: ContainerState): WireState {
  return {
    Status: state.status,
    Running: isRunning(state),
    Paused: state.status === 'paused',
    Restarting: state.status === 'restarting',
    OOMKilled: state.oomKilled,
    Dead: state.status === 'dead',
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
    ...(state.health === undefined ? {} : { Health: renderHealth(state.health) }),
  };
}

function renderHealth({ status, failingStreak, log }: Health): NonNullable<WireState['Health']> {
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: log.map(({ start, end, exitCode, output }) => ({
      Start: start,
      End: end,
      ExitCode: exitCode,
      Output: output,
    })),
  };
}

/** The list's Status: "Up 3 minutes (Paused)", "Exited (0) 2 hours ago". */
export function statusText(state: ContainerState, now: Date): string {
  switch (state.status) {
    case 'running':
      return `Up ${since(state.startedAt, now)}${healthText(state.health)}`;
    case 'paused':
      return `Up ${since(state.startedAt, now)} (Paused)`;
    case 'restarting':
      return `Restarting (${state.exitCode}) ${since(state.finishedAt, now)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'created':
      return 'Created';
    case 'exited':
      return state.startedAt === ZERO_TIME
        ? 'Created'
        : `Exited (${state.exitCode}) ${since(state.finishedAt, now)} ago`;
  }
}

function healthText(health: Health | undefined): string {
  if (health === undefined) return '';
  return health.status === 'starting' ? ' (health: starting)' : ` (${health.status})`;
}

function since(time: string, now: Date): string {
  return humanDuration(now.getTime() - Date.parse(time));
}
