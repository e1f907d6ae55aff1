import { expect, test } from 'bun:test';
import type { ContainerState, ContainerStatus } from '../../containers/contract.ts';
import { renderState, statusText } from './container-state.ts';

const now = new Date('2026-01-01T12:00:00Z');

function state(status: ContainerStatus): ContainerState {
  return {
    status,
    pid: 0,
    exitCode: 3,
    error: '',
    oomKilled: false,
    startedAt: '2026-01-01T11:57:00.123456789Z',
    finishedAt: '2026-01-01T10:00:00Z',
  };
}

test.each([
  ['running', 'Up 2 minutes'],
  ['paused', 'Up 2 minutes (Paused)'],
  ['restarting', 'Restarting (3) 2 hours ago'],
  ['exited', 'Exited (3) 2 hours ago'],
  ['created', 'Created'],
  ['removing', 'Removal In Progress'],
  ['dead', 'Dead'],
] as const)('%s reads "%s"', (status, text) => expect(statusText(state(status), now)).toBe(text));

test.each([
  ['running', true, false, false],
  ['paused', true, true, false],
  ['restarting', true, false, true],
  ['exited', false, false, false],
] as const)('%s sets its flags', (status, Running, Paused, Restarting) => {
  expect(renderState(state(status))).toMatchObject({ Status: status, Running, Paused, Restarting });
});
