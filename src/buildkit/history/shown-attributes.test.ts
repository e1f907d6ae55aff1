import { expect, test } from 'bun:test';
import { shownAttributes } from './shown-attributes.ts';

test('what a build was asked for is shown without proxies and credentials of addresses', () => {
  const attributes = {
    context: 'https://user:word@host/repository.git#main',
    'context:base': 'docker-image://alpine@sha256:0123',
    'build-arg:HTTPS_PROXY': 'http://user:word@proxy:3128',
    'build-arg:no_proxy': 'user:word@host',
    'build-arg:MAIL': 'user@host',
  };
  expect(shownAttributes(attributes)).toEqual({
    context: 'https://host/repository.git#main',
    'context:base': 'docker-image://alpine@sha256:0123',
    'build-arg:MAIL': 'user@host',
  });
});
