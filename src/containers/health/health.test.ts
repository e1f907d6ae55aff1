import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ContainerConfig } from '../../wire/container-config.ts';
import type { Health } from '../contract.ts';
import { judge } from './health-checks.ts';
import { collectOutput } from './output.ts';
import { healthSettings } from './settings.ts';

const SECOND = 1_000_000_000;

function configWith(Test: string[], more: object = {}): ContainerConfig {
  return ContainerConfig.decode({ Image: 'x', Healthcheck: { Test, ...more } }, 'body');
}

describe('the settings of a health check', () => {
  test('have defaults, in milliseconds', () => {
    expect(healthSettings(configWith(['CMD', 'true']))).toEqual({
      ...{ command: ['true'], interval: 30_000, timeout: 30_000 },
      ...{ startPeriod: 0, startInterval: 5_000, retries: 3 },
    });
    const given = { Interval: SECOND, Timeout: 2 * SECOND, StartPeriod: 3 * SECOND, Retries: 5 };
    expect(healthSettings(configWith(['CMD', 'true'], given))).toMatchObject({
      ...{ interval: 1_000, timeout: 2_000, startPeriod: 3_000, retries: 5 },
    });
  });

  test('run a line in the shell of the configuration', () => {
    expect(healthSettings(configWith(['CMD-SHELL', 'a && b']))?.command).toEqual(['/bin/sh', '-c', 'a && b']);
    const config = { ...configWith(['CMD-SHELL', 'a']), Shell: ['/bin/bash', '-ec'] };
    expect(healthSettings(config)?.command).toEqual(['/bin/bash', '-ec', 'a']);
  });

  test('are absent where nothing is to be checked', () => {
    for (const words of [[], ['NONE'], ['CMD'], ['WHAT', 'x']]) {
      expect(healthSettings(configWith(words))).toBeUndefined();
    }
    expect(healthSettings(ContainerConfig.decode({ Image: 'x' }, 'body'))).toBeUndefined();
  });
});

describe('health', () => {
  const startedAt = '2024-01-01T00:00:00Z';
  const settings = { retries: 2, startPeriod: 10_000 };
  const starting: Health = { status: 'starting', failingStreak: 0, log: [] };
  const timeOf = (second: number) => `2024-01-01T00:00:${String(second).padStart(2, '0')}Z`;
  const result = (second: number, exitCode: number) => ({
    ...{ start: timeOf(second), end: timeOf(second), exitCode, output: '' },
  });

  test('is not lost by failures while the container starts', () => {
    const after = judge(starting, settings, result(9, 1), startedAt);
    expect(after).toMatchObject({ status: 'starting', failingStreak: 0 });
    expect(after.log).toHaveLength(1);
  });

  test('is lost by as many failures as were allowed, and won by one success', () => {
    const once = judge(starting, settings, result(10, 1), startedAt);
    expect(once).toMatchObject({ status: 'starting', failingStreak: 1 });
    const twice = judge(once, settings, result(11, -1), startedAt);
    expect(twice).toMatchObject({ status: 'unhealthy', failingStreak: 2 });
    expect(judge(twice, settings, result(12, 0), startedAt)).toMatchObject({
      status: 'healthy',
      failingStreak: 0,
    });
  });

  test('once won is lost in the start period too', () => {
    const healthy = judge(starting, settings, result(10, 0), startedAt);
    expect(judge(healthy, settings, result(11, 1), startedAt)).toMatchObject({ failingStreak: 1 });
  });

  test('has the last five results', () => {
    let health = starting;
    for (let second = 10; second < 20; second++)
      health = judge(health, settings, result(second, 0), startedAt);
    expect(health.log.map(({ start }) => start.slice(17, 19))).toEqual(['15', '16', '17', '18', '19']);
  });
});

describe('the output of a check', () => {
  const frame = (text: string): Buffer => {
    const head = Buffer.alloc(8);
    head[0] = 1;
    head.writeUInt32BE(text.length, 4);
    return Buffer.concat([head, Buffer.from(text)]);
  };

  async function* inParts(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }

  test('is what its frames say, however they are cut', async () => {
    const texts = fc.array(fc.stringMatching(/^[a-z]{0,20}$/), { maxLength: 20 });
    const property = fc.asyncProperty(texts, fc.integer({ min: 1, max: 30 }), async (list, size) => {
      const output = collectOutput(inParts(Buffer.concat(list.map(frame)), size));
      await output.ended;
      expect(output.text()).toBe(list.join(''));
    });
    await fc.assert(property);
  });

  test('is cut where it gets long', async () => {
    const output = collectOutput(
      inParts(Buffer.concat([frame('x'.repeat(4_000)), frame('y'.repeat(100))]), 64),
    );
    await output.ended;
    expect(output.text()).toBe(`${'x'.repeat(4_000)}${'y'.repeat(96)}...`);
  });
});
