import { expect, test } from 'bun:test';
import { withConfiguredFilters } from './pruning.ts';

test('filters of the configuration hold for every prune', () => {
  expect(withConfiguredFilters({ until: { '24h': true } }, ['label!=keep', 'label=old'])).toEqual({
    until: { '24h': true },
    'label!': { keep: true },
    label: { old: true },
  });
});

test('what the command line says of a label overrules the opposite in the configuration', () => {
  expect(withConfiguredFilters({ label: { keep: true } }, ['label!=keep', 'label!=other'])).toEqual({
    label: { keep: true },
    'label!': { other: true },
  });
  expect(withConfiguredFilters({ 'label!': { x: true } }, ['label=x'])).toEqual({ 'label!': { x: true } });
});

test('what is no filter is left out', () => {
  expect(withConfiguredFilters({}, ['nonsense'])).toEqual({});
});
