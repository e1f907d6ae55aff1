import { describe, expect, test } from 'bun:test';
import { parameterPattern, type Route } from './route.ts';
import { routeAreas, routes } from './routes.ts';

const table: [string, Route][] = Object.entries(routes);

describe('the route table', () => {
  test('has every area in it', () => {
    const names = Object.values(routeAreas).flatMap((area) => Object.keys(area));
    expect(names.toSorted()).toEqual(Object.keys(routes).toSorted());
  });

  test('has each operation once', () => {
    const operations = table.map(([, { method, path }]) => `${method} ${path}`);
    expect(new Set(operations).size).toBe(operations.length);
  });

  test.each(table)('%s is well-formed', (_name, route) => {
    expect(route.path).toStartWith('/');
    const parameters = route.path.match(/\{\w+\}/g) ?? [];
    expect(parameters.filter((parameter) => parameter !== '{digest}').length).toBeLessThanOrEqual(1);
    expect(route.summary).toEndWith('.');
    expect(route.statuses.length).toBeGreaterThan(0);
    expect(route.body !== undefined && route.upload === true).toBe(false);
  });
});

describe('parameterPattern', () => {
  const digest = `sha256:${'a'.repeat(64)}`;

  test('takes slashes and line ends for a name', () => {
    const pattern = parameterPattern('/images/{name}/json');
    expect(pattern?.exec('/images/host:5000/a\nb:c/json')?.groups?.['name']).toBe('host:5000/a\nb:c');
    expect(pattern?.test('/images//json')).toBe(false);
  });

  test('takes nothing but a whole digest for a digest', () => {
    const pattern = parameterPattern('/images/{name}/layers/{digest}/changes');
    expect({ ...pattern?.exec(`/images/a/layers/b/layers/${digest}/changes`)?.groups }).toEqual({
      name: 'a/layers/b',
      digest,
    });
    expect(pattern?.test(`/images/a/layers/${digest.slice(0, -1)}/changes`)).toBe(false);
  });

  test('is not there for a path without parameters', () => {
    expect(parameterPattern('/version')).toBeUndefined();
  });

  test('takes other characters as they are', () => {
    expect(parameterPattern('/a.b/{id}')?.test('/acb/x')).toBe(false);
  });
});
