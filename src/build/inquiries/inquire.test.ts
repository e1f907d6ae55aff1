import { describe, expect, test } from 'bun:test';
import type { Inquiry, InquiryRequest } from '../contract.ts';
import { inquire } from './inquire.ts';

/** As BuildKit's front end answers the same questions. */

const file = `ARG BASE=busybox
ARG GO=1.22
# build compiles all
FROM \${BASE} AS build
# VERSION is what is built
ARG VERSION=dev
ARG GO
ARG TARGETARCH
RUN --mount=type=secret,id=token,required=true --mount=type=secret,id=other,target=/x --mount=type=ssh true
# the last one

# final is what runs
FROM busybox AS final
ARG EMPTY
ENV X=y
COPY --from=build / /
CMD run
FROM scratch
`;

function ask(question: string, change: Partial<InquiryRequest> = {}): Promise<Inquiry> {
  const request = { ...{ dockerfile: file, filename: 'Dockerfile', target: '', args: {}, platforms: [] } };
  return inquire({ ...request, namedContexts: {}, ...change }, question, async () => []);
}

const at = (line: number) => ({ ranges: [{ start: { line }, end: { line } }] });

describe('an outline', () => {
  test('has what the target and the stages that it needs can be given', async () => {
    const { text } = await ask('outline', { target: 'final' });
    expect(text).toBe(
      [
        'TARGET:      final',
        'DESCRIPTION: is what runs',
        '',
        'BUILD ARG   VALUE     DESCRIPTION',
        'BASE        busybox   ',
        'GO          1.22      ',
        'VERSION     dev       is what is built',
        'EMPTY                 ',
        '',
        'SECRET   REQUIRED',
        'token    true',
        'other    ',
        '',
        'SSH       REQUIRED',
        'default   ',
        '',
        '',
      ].join('\n'),
    );
  });

  test('says where, and what of it is given', async () => {
    const { json } = await ask('outline', { target: 'build', args: { VERSION: '7', HTTP_PROXY: 'x' } });
    expect(json).toEqual({
      name: 'build',
      description: 'compiles all',
      args: [
        { name: 'BASE', value: 'busybox', location: at(1) },
        { name: 'GO', value: '1.22', location: at(2) },
        { name: 'VERSION', description: 'is what is built', value: '7', location: at(6) },
      ],
      secrets: [
        { name: 'token', required: true, location: at(9) },
        { name: 'other', location: at(9) },
      ],
      ssh: [{ name: 'default', location: at(9) }],
      sources: [Buffer.from(file).toString('base64')],
    });
  });

  test('of a stage that takes nothing is empty', async () => {
    expect((await ask('outline')).text).toBe('');
  });

  test('takes the last word about a name, in the order of the file', async () => {
    const dockerfile = `ARG A="two words" B=$A
FROM busybox AS base
ARG ZED
# ZED has more
ARG ZED=5 A
RUN --mount=type=secret,id=s,env=S true
RUN --mount=type=ssh,id=deploy,required true
FROM base
ARG Q=1
ARG A
# q is q
ARG q=\${Q}x
RUN --mount=type=secret,target=/run/secrets/implicit true
`;
    const { text } = await ask('outline', { dockerfile });
    expect(text).toStartWith(
      [
        'BUILD ARG   VALUE       DESCRIPTION',
        'A           two words   ',
        'ZED         5           has more',
        'Q           1           ',
        'q           1x          is q',
        '',
        'SECRET     REQUIRED',
        's          ',
        'implicit   ',
        '',
        'SSH      REQUIRED',
        'deploy   true',
      ].join('\n'),
    );
  });

  test('needs a stage that there is, and a Dockerfile that can be read', async () => {
    await expect(ask('outline', { target: 'nope' })).rejects.toThrow(
      'target stage "nope" could not be found',
    );
    await expect(ask('outline', { dockerfile: 'FROM x\nCMDx y\n' })).rejects.toThrow(
      'dockerfile parse error on line 2: unknown instruction: CMDx (did you mean cmd?)',
    );
  });
});

test('targets are the stages that have a name, and the last', async () => {
  const { json, text } = await ask('targets');
  expect(text).toBe('TARGET    DESCRIPTION\nbuild     compiles all\nfinal     is what runs\n(default) \n');
  expect(json).toMatchObject({
    targets: [
      { name: 'build', description: 'compiles all', base: '${BASE}', location: at(4) },
      { name: 'final', description: 'is what runs', base: 'busybox', location: at(13) },
      { default: true, base: 'scratch', location: at(18) },
    ],
  });
});

test("the linter's answer has what keeps the file from being built, too", async () => {
  const dockerfile = 'FROM busybox\nCMDx y\n';
  const request = {
    dockerfile,
    filename: 'Dockerfile',
    target: '',
    args: {},
    platforms: [],
    namedContexts: {},
  };
  const found = await inquire(request, 'lint', async () => {
    await ask('outline', { dockerfile });
    return [];
  });
  const message = 'dockerfile parse error on line 2: unknown instruction: CMDx (did you mean cmd?)';
  expect(found.json).toMatchObject({ warnings: null, buildError: { message, location: at(2) } });
  expect(found.text).toStartWith(`ERROR: ${message}\nDockerfile:2\n`);
  expect(found.status).toBe(1);
  expect(await ask('lint')).toMatchObject({ json: { warnings: null }, text: '', status: 0 });
});

test('a question that nobody knows is refused', async () => {
  await expect(ask('bogus')).rejects.toThrow('unsupported request frontend.bogus');
  expect((await ask('subrequests.describe')).text).toStartWith(
    'NAME                 VERSION DESCRIPTION\noutline ',
  );
});
