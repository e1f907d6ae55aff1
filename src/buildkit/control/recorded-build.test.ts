import { expect, test } from 'bun:test';
import { background } from '../../base/context.ts';
import { openDatabase } from '../../base/database.ts';
import { silentLogger } from '../../base/log.ts';
import { MemoryContentStore } from '../../content/memory-store.ts';
import { BuildHistory } from '../history/build-history.ts';
import { HistoryStore } from '../history/history-store.ts';
import { historySchema } from '../history/schema.ts';
import { BuildRecord } from '../protobuf/history-messages.ts';
import { beginRecord } from './recorded-build.ts';

test('the history has what a build was asked for, but no proxies and no credentials of addresses', async () => {
  const store = new HistoryStore(openDatabase(':memory:', [historySchema]));
  const history = new BuildHistory(store, new MemoryContentStore());
  const attributes = {
    context: 'https://user:word@host/repository.git#main',
    'context:base': 'docker-image://alpine@sha256:0123',
    'build-arg:HTTPS_PROXY': 'http://user:word@proxy:3128',
    'build-arg:no_proxy': 'user:word@host',
    'build-arg:MAIL': 'user@host',
  };
  const about = { ref: 'one', frontend: 'dockerfile.v0', attributes, exporters: [], isQuestion: false };
  beginRecord(background(silentLogger), history, about).end({ response: {}, results: [] });
  await history.finalize('one');
  expect(BuildRecord.decode(store.get('one')?.record ?? Buffer.alloc(0)).frontendAttributes).toEqual({
    context: 'https://host/repository.git#main',
    'context:base': 'docker-image://alpine@sha256:0123',
    'build-arg:MAIL': 'user@host',
  });
});
