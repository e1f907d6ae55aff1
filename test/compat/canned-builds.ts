import type { Answer, RecordedRequest } from './fake-daemon.ts';

/** What dockerd's classic builder answers; an image's name says how it goes. */

const imageId = `sha256:${'b1'.repeat(32)}`;

const steps = [
  { stream: 'Step 1/1 : FROM busybox' },
  { stream: '\n' },
  { status: 'Pulling from library/busybox', id: 'latest' },
  { status: 'Pull complete', progressDetail: {}, id: '0123456789ab' },
  { stream: ' ---> 0123456789ab\n' },
];

const result = { aux: { ID: imageId } };
const success = [{ stream: 'Successfully built b1b1b1b1b1b1\n' }];

function failure(message: string, code?: number): object {
  return { errorDetail: { ...(code === undefined ? {} : { code }), message }, error: message };
}

const outcomes: Readonly<Record<string, readonly object[]>> = {
  fails: [...steps, failure("The command '/bin/sh -c exit 3' returned a non-zero code: 3", 3)],
  'fails-plainly': [...steps, failure('no space left on device')],
  'no-id': [...steps, ...success],
  warned: [
    ...steps,
    { stream: '[Warning] One or more build-args [x] were not consumed\n' },
    result,
    ...success,
  ],
};

/** The answer to `POST /build`; undefined for other requests. */
export function buildAnswer(request: RecordedRequest): Answer | undefined {
  const { pathname, searchParams } = new URL(request.target, 'http://daemon');
  if (pathname !== '/build') return undefined;
  const name = searchParams.get('t') ?? '';
  if (name === 'refused')
    return { status: 400, body: { message: 'dockerfile parse error line 1: unknown instruction: FOO' } };
  const normal = searchParams.get('q') === '1' ? [{ stream: `${imageId}\n` }] : success;
  const messages = outcomes[name] ?? [...(searchParams.get('q') === '1' ? [] : steps), result, ...normal];
  return {
    body: messages.map((message) => `${JSON.stringify(message)}\r\n`).join(''),
    headers: { 'Content-Type': 'application/json' },
  };
}
