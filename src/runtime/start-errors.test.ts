import { describe, expect, test } from 'bun:test';
import { invalid } from '../base/errors.ts';
import { O_CREAT } from '../plan/constants.ts';
import type { PlanFailure } from '../plan/contract.ts';
import { errno } from '../plan/errno.ts';
import type { Operation } from '../plan/operations.ts';
import { PlanError } from '../plan/plan-error.ts';
import { StartError } from './start-error.ts';
import { execErrorOf, specError, startErrorOf } from './start-errors.ts';

const prefix =
  'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: ';

function failureOf(step: Operation, more: Partial<PlanFailure>): [PlanError, { child: Operation[] }] {
  const failure = {
    stage: 'child',
    operation: step.op,
    index: 0,
    errno: 0,
    subject: '',
    detail: '',
    ...more,
  } as const;
  return [new PlanError(failure), { child: [step] }];
}

const exec: Operation = { op: 'exec', argv: ['app'], env: [] };

describe('startErrorOf', () => {
  test.each([
    [errno.ENOENT, 127, 'exec: "app": executable file not found in $PATH: unknown'],
    [errno.EACCES, 126, 'exec: "app": permission denied: unknown'],
    [errno.EISDIR, 126, 'exec: "app": is a directory: unknown: permission denied'],
    [errno.ENOEXEC, 126, 'exec: "app": exec format error: unknown'],
  ])('says of errno %p what Docker does', (number, exitCode, words) => {
    const error = startErrorOf(...failureOf(exec, { errno: number }));
    expect(error).toBeInstanceOf(StartError);
    expect(error).toMatchObject({
      exitCode,
      message: `${prefix}unable to start container process: error during container init: ${words}`,
    });
  });

  test('blames the caller for 126 and 127 only', () => {
    expect(startErrorOf(...failureOf(exec, { errno: errno.ENOENT }))).toMatchObject({
      code: 'invalid-argument',
    });
    expect(startErrorOf(...failureOf(exec, { errno: errno.ENOMEM }))).toMatchObject({
      code: 'internal',
      exitCode: 128,
    });
  });

  test('leaves the words about a port to the network, which finds the failure as the cause', () => {
    const address = { hostAddress: '0.0.0.0', hostPort: 80, address: '172.17.0.2', port: 8080 };
    const [error, plan] = failureOf({ op: 'publish', protocol: 6, ...address }, { errno: errno.EADDRINUSE });
    expect(startErrorOf(error, plan)).toMatchObject({ exitCode: 128, cause: error });
  });

  test('does not tell what was to be written into a new file', () => {
    const data = Buffer.from('hunter2');
    const step: Operation = {
      op: 'write',
      dir: -1,
      path: '/run/x',
      flags: O_CREAT,
      mode: 0o600,
      data,
      ignore: [],
    };
    const error = startErrorOf(...failureOf(step, { errno: errno.ENOSPC, subject: '/run/x' }));
    expect(error).toMatchObject({ exitCode: 128 });
    expect(String(error)).toContain('/run/x');
    expect(String(error)).not.toContain('hunter2');
  });

  test('does not blame the caller for a path that the engine chose', () => {
    const step: Operation = { op: 'unmount', path: '/run/x', flags: 0 };
    expect(startErrorOf(...failureOf(step, { errno: errno.ENOENT }))).toMatchObject({
      exitCode: 128,
      code: 'internal',
    });
  });

  test('takes a bad profile or option for a bad spec', () => {
    expect(startErrorOf(invalid('seccomp: unknown action "X"'), {})).toMatchObject({
      message: `${prefix}seccomp: unknown action "X": unknown`,
    });
  });

  test('passes on what is not about the start', () => {
    const other = new Error('disk on fire');
    expect(startErrorOf(other, {})).toBe(other);
    const start = specError('no');
    expect(startErrorOf(start, {})).toBe(start);
  });
});

test('execErrorOf uses the words for an exec', () => {
  const step: Operation = { op: 'workingDirectory', path: '/nowhere', create: 0 };
  expect(execErrorOf(...failureOf(step, { errno: errno.ENOENT }))).toMatchObject({
    exitCode: 127,
    message:
      'OCI runtime exec failed: exec failed: unable to start container process: chdir to cwd ("/nowhere") set in config.json failed: no such file or directory: unknown',
  });
});
