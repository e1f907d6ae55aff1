import own from '../fixtures/data/dockerd/own-outcomes.json' with { type: 'json' };
import { ignoredPaths, mistakes, type OwnOutcome, rewordings } from './differences.ts';
import type { Outcome } from './scenario.ts';

export const ownOutcomes: readonly OwnOutcome[] = own;

/** What Sampan must do where dockerd did `recorded`: the same, but for the differences that are named. */
export function expectedOutcome(scenario: string, line: string, recorded: Outcome): unknown {
  const ours = ownOutcomes.find((one) => one.scenario === scenario && one.line === line);
  return ours?.expected ?? asDocker28(recorded);
}

/** dockerd 20.10's outcome as Docker 28 would tell it. */
export function asDocker28(recorded: Outcome): unknown {
  const { body, ...rest } = comparable(reworded(recorded)) as Readonly<Record<string, unknown>>;
  const message = Object(body).message;
  const isMistake = rest['status'] === 500 && mistakes.some((pattern) => pattern.test(message));
  const status = isMistake ? { status: 400 } : {};
  return body === undefined ? rest : { ...rest, ...status, body };
}

/** Without the parts of JSON that are not compared. */
export function comparable(outcome: unknown): unknown {
  const { body, ...rest } = outcome as Readonly<Record<string, unknown>>;
  return body === undefined ? outcome : { ...rest, body: pruned(body, '') };
}

function pruned(value: unknown, path: string): unknown {
  if (Array.isArray(value)) return value.map((item, index) => pruned(item, joined(path, String(index))));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [joined(path, key), key, item] as const);
  const kept = entries.filter(([full]) => !ignoredPaths.some((ignored) => ignored.path.test(full)));
  return Object.fromEntries(kept.map(([full, key, item]) => [key, pruned(item, full)]));
}

const joined = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

function reworded(value: unknown): unknown {
  if (typeof value === 'string') {
    return rewordings.reduce((text, { from, to }) => text.replace(from, to as string), value);
  }
  if (Array.isArray(value)) return value.map(reworded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, reworded(item)]));
}
