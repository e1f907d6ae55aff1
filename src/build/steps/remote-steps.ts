import { STATUS_CODES } from 'node:http';
import { messageOf, SampanError } from '../../base/errors.ts';
import { withoutCredentials } from '../../base/without-credentials.ts';
import type { GitOperation, HttpOperation } from '../definition/vertex.ts';
import type { Step, StepMaker } from '../solver/step.ts';
import { Checkouts } from '../sources/checkout.ts';
import { Downloads } from '../sources/download.ts';
import { plain } from '../sources/http-request.ts';
import type { FileStepParts } from './parts.ts';

type RemoteParts = Pick<FileStepParts, 'directory' | 'maxBytes' | 'sources'>;

export function httpMaker(parts: RemoteParts): StepMaker<HttpOperation> {
  const downloads = new Downloads(parts.sources);
  return {
    key: async () => undefined,
    make: async (step) => {
      const { context, operation, tell } = step;
      const onProgress = (current: number, total: number): void =>
        tell.progress(withoutCredentials(operation.url), current, total);
      const options = { ...limits(parts), onProgress };
      const getting = downloads.get(context, operation, options);
      return { kind: 'files', tree: await getting.catch((error: unknown) => refused(step, error)) };
    },
  };
}

/** The classic builder has its own words for an answer that is no file. */
function refused({ operation, surroundings }: Step<HttpOperation>, error: unknown): never {
  const [, status = ''] = /invalid response status (\d+)$/.exec(messageOf(error)) ?? [];
  if (status === '' || surroundings.style !== 'classic') throw error;
  const text = `${status} ${STATUS_CODES[status] ?? ''}`;
  throw new SampanError(
    'unavailable',
    `ADD failed: failed to GET ${plain(operation.url)} with status ${text}: `,
    {
      cause: error,
    },
  );
}

export function gitMaker(parts: RemoteParts): StepMaker<GitOperation> {
  const checkouts = new Checkouts(parts.sources);
  return {
    key: async () => undefined,
    make: async (step) => {
      const { context, operation, surroundings, tell } = step;
      const options = {
        ...limits(parts),
        agent: await surroundings.ssh('default'),
        token: await tokenFor(step),
        onOutput: (bytes: Uint8Array): void => tell.output('stderr', bytes),
      };
      return { kind: 'files', ...(await checkouts.get(context, operation, options)) };
    },
  };
}

/** As BuildKit has it: a secret of that name, or of that name and the host. */
async function tokenFor({ operation, surroundings }: Step<GitOperation>): Promise<string | undefined> {
  const host = URL.canParse(operation.url) ? new URL(operation.url).host : '';
  const own = host === '' ? undefined : await surroundings.secrets(`GIT_AUTH_TOKEN.${host}`);
  const token = own ?? (await surroundings.secrets('GIT_AUTH_TOKEN'));
  const text = token === undefined ? '' : Buffer.from(token).toString('utf8').trim();
  return text === '' || /[\r\n]/.test(text) ? undefined : text;
}

function limits({ directory, maxBytes }: RemoteParts): Pick<RemoteParts, 'directory' | 'maxBytes'> {
  return maxBytes === undefined ? { directory } : { directory, maxBytes };
}
