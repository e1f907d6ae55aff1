import { invalid } from '../../base/errors.ts';
import type { HandlersOf } from '../call.ts';
import { isEmptyConfig } from './create-request.ts';

export const commitHandlers: HandlersOf<'imageCommit'> = {
  async imageCommit({ engine, context, query, body }) {
    const { container, repo, tag, author, comment, pause, changes } = query;
    if (container === '') throw invalid('invalid name or ID supplied: ""');
    const id = await engine.containers.commit(context, container, {
      reference: repo === '' || tag === '' ? repo : `${repo}:${tag}`,
      author,
      comment,
      pause,
      changes,
      // Clients without a configuration send null or {}.
      config: body === null || isEmptyConfig(body) ? undefined : body,
    });
    return { Id: id };
  },
};
