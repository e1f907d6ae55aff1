import { describe, expect, test } from 'bun:test';
import { type Route, splitPath } from './route.ts';
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
    expect(route.path.split('{').length).toBeLessThanOrEqual(2);
    expect(route.summary).toEndWith('.');
    expect(route.statuses.length).toBeGreaterThan(0);
    expect(route.body !== undefined && route.upload === true).toBe(false);
  });
});

test('splitPath gives what is around the name', () => {
  expect(splitPath('/images/{name}/json')).toEqual({ prefix: '/images/', suffix: '/json' });
  expect(splitPath('/version')).toBeUndefined();
});
