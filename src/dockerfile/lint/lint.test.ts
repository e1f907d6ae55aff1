import { describe, expect, test } from 'bun:test';
import { readDockerfile } from '../dockerfile.ts';
import { ignoreRules } from '../ignore-file.ts';
import { type LintOptions, lintDockerfile } from './lint.ts';
import { rules } from './rules.ts';

const platform = { os: 'linux', architecture: 'amd64' };

function lint(text: string, change: Partial<LintOptions> = {}) {
  const file = readDockerfile(text);
  const defaults = file.globals.flatMap(({ pairs }) =>
    pairs.map(({ name, value }) => [name, value] as const),
  );
  return lintDockerfile(file, {
    ...{ args: {}, platform, ignored: undefined },
    globals: new Map([['TARGETPLATFORM', 'linux/amd64'], ['BUILDPLATFORM', 'linux/amd64'], ...defaults]),
    base: (image) => (image === 'debian' ? { env: ['LANG=C'], platform, hasShell: false } : undefined),
    ...change,
  });
}

/** "Rule line: detail" of each finding. */
function found(text: string, change: Partial<LintOptions> = {}): string[] {
  return lint(text, change).findings.map(({ rule, lines, detail }) => `${rule} ${lines.first}: ${detail}`);
}

/** Of each rule a file that breaks it, where, and what is said. */
const broken: readonly [rule: keyof typeof rules, text: string, line: number, detail: string][] = [
  ['StageNameCasing', 'FROM debian AS Builder', 1, "Stage name 'Builder' should be lowercase"],
  ['FromAsCasing', 'FROM debian as b', 1, "'as' and 'FROM' keywords' casing do not match"],
  ['NoEmptyContinuation', 'FROM debian\nRUN a \\\n\n  b', 4, 'Empty continuation line'],
  [
    'ConsistentInstructionCasing',
    'FROM debian\nRun a\nRUN b',
    2,
    "Command 'Run' should match the case of the command majority (uppercase)",
  ],
  [
    'ConsistentInstructionCasing',
    'from debian\nrun a\nRUN b',
    3,
    "Command 'RUN' should match the case of the command majority (lowercase)",
  ],
  [
    'DuplicateStageName',
    'FROM debian AS b\nFROM debian AS b',
    2,
    'Duplicate stage name "b", stage names should be unique',
  ],
  [
    'ReservedStageName',
    'FROM debian AS context',
    1,
    'Stage name should not use the same name as reserved stage "context"',
  ],
  [
    'JSONArgsRecommended',
    'FROM debian\nCMD a b',
    2,
    'JSON arguments recommended for CMD to prevent unintended behavior related to OS signals',
  ],
  [
    'MaintainerDeprecated',
    'FROM debian\nMAINTAINER me',
    2,
    'Maintainer instruction is deprecated in favor of using label',
  ],
  [
    'UndefinedArgInFrom',
    'ARG VARIANT=x\nFROM debian$VARIAN',
    2,
    "FROM argument 'VARIAN' is not declared (did you mean VARIANT?)",
  ],
  [
    'WorkdirRelativePath',
    'FROM debian\nWORKDIR a\nWORKDIR /b\nWORKDIR c',
    2,
    'Relative workdir "a" can have unexpected results if the base image changes',
  ],
  [
    'UndefinedVar',
    'FROM debian\nENV VERSION=1\nCOPY $VERSON .',
    3,
    "Usage of undefined variable '$VERSON' (did you mean $VERSION?)",
  ],
  [
    'MultipleInstructionsDisallowed',
    'FROM debian\nCMD ["a"]\nCMD ["b"]',
    2,
    'Multiple CMD instructions should not be used in the same stage because only the last one will be used',
  ],
  [
    'LegacyKeyValueFormat',
    'FROM debian\nENV a b',
    2,
    '"ENV key=value" should be used instead of legacy "ENV key value" format',
  ],
  [
    'InvalidBaseImagePlatform',
    'FROM --platform=$P debian',
    1,
    'Base image debian was pulled with platform "linux/amd64", expected "linux/arm64" for current build',
  ],
  [
    'RedundantTargetPlatform',
    'FROM --platform=$TARGETPLATFORM debian',
    1,
    'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
  ],
  [
    'SecretsUsedInArgOrEnv',
    'FROM debian\nARG API_TOKEN\nENV TOKEN_FILE=/x PUBLIC_KEY=y',
    2,
    'Do not use ARG or ENV instructions for sensitive data (ARG "API_TOKEN")',
  ],
  [
    'InvalidDefaultArgInFrom',
    'ARG NAME\nFROM $NAME',
    2,
    'Default value for ARG $NAME results in empty or invalid base image name',
  ],
  [
    'FromPlatformFlagConstDisallowed',
    'FROM --platform=linux/amd64 debian AS b',
    1,
    'FROM --platform flag should not use constant value "linux/amd64"',
  ],
  [
    'CopyIgnoredFile',
    'FROM debian\nCOPY ./tmp/x y /',
    2,
    'Attempting to Copy file "./tmp/x" that is excluded by .dockerignore',
  ],
  [
    'InvalidDefinitionDescription',
    '# check=experimental=all\n# base of all\nFROM debian AS b',
    3,
    'Comment for FROM should follow the format: `# b <description>`',
  ],
  [
    'ExposeProtoCasing',
    'FROM debian\nEXPOSE 80/TCP',
    2,
    "Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
  ],
  [
    'ExposeInvalidFormat',
    'FROM debian\nEXPOSE 127.0.0.1:80:80',
    2,
    "EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:80'",
  ],
];

describe('the linter', () => {
  test.each(broken)('knows %s in %j', (rule, text, line, detail) => {
    const globals = new Map([
      ['P', 'linux/arm64'],
      ['TARGETPLATFORM', 'linux/amd64'],
      ['VARIANT', 'x'],
    ]);
    const given = rule === 'InvalidDefaultArgInFrom' ? {} : { globals };
    const change = { ...given, ignored: ignoreRules(['tmp']) };
    expect(found(text, change)).toEqual([`${rule} ${line}: ${detail}`]);
    expect(new Set(broken.map(([each]) => each))).toEqual(
      new Set(Object.keys(rules) as (keyof typeof rules)[]),
    );
  });

  test('is content with what is right', () => {
    const text = [
      ...['ARG TAG=12', '# b builds', 'FROM --platform=$BUILDPLATFORM debian:$TAG AS b', 'RUN make'],
      ...['FROM --platform=linux/arm64 other AS for-arm64', 'FROM debian', 'ARG V', 'ENV A=$V B=$LANG'],
      ...['SHELL ["bash", "-c"]', 'CMD make $A', 'EXPOSE 80/tcp 81', 'WORKDIR /x', 'WORKDIR y'],
      ...['COPY --from=b /tmp/x /', 'HEALTHCHECK NONE', 'LABEL a=$A', 'EXPOSE $NOTHING'],
    ];
    expect(found(text.join('\n'), { ignored: ignoreRules(['tmp']) })).toEqual([]);
  });

  test('says nothing of variables on a base image that it does not know', () => {
    expect(found('FROM unknown\nWORKDIR /$X\nFROM 0\nWORKDIR /$Y')).toEqual([]);
  });

  test('follows stages to their bases', () => {
    const text = 'FROM debian AS a\nENV A=1\nWORKDIR /x\nFROM a\nENV B=$A\nWORKDIR y\nENV C=$D';
    expect(found(text)).toEqual(["UndefinedVar 7: Usage of undefined variable '$D' (did you mean $A?)"]);
  });

  test('asks for variables that have a default too', () => {
    const text = `FROM debian\nWORKDIR /\${X:-x}`;
    expect(found(text)).toEqual(["UndefinedVar 2: Usage of undefined variable '$X'"]);
  });

  test('takes a chosen shell for an answer, wherever it was chosen', () => {
    const chosen = { env: [], platform, hasShell: true };
    const text = 'FROM base AS a\nCMD x\nFROM debian AS b\nSHELL ["sh", "-c"]\nFROM b\nENTRYPOINT y';
    expect(found(text, { base: (image) => (image === 'base' ? chosen : undefined) })).toEqual([]);
  });

  test('looks at nothing of an ignored file where there are exceptions', () => {
    expect(found('FROM debian\nCOPY tmp/x /', { ignored: ignoreRules(['tmp', '!tmp/x']) })).toEqual([]);
  });

  test('is silenced for a file, for an instruction, and by the build', () => {
    const text = 'FROM debian\nMAINTAINER me\nCMD a';
    expect(found(`# check=skip=MaintainerDeprecated,X\n${text}`)).toHaveLength(1);
    expect(found(`# check=skip=all\n${text}`)).toEqual([]);
    const above = 'FROM debian\n# check=skip=MaintainerDeprecated for old times\nMAINTAINER me\nCMD a';
    expect(found(above).map((each) => each.split(' ')[0])).toEqual(['JSONArgsRecommended']);
    expect(found(text, { args: { BUILDKIT_DOCKERFILE_CHECK: 'skip=all' } })).toEqual([]);
  });

  test('tells the rules that may not be broken', () => {
    const text = 'FROM debian\nMAINTAINER me\nMAINTAINER you\nCMD a';
    expect(lint(text).violated).toEqual([]);
    expect(lint(`# check=error=true\n${text}`).violated).toEqual([
      'MaintainerDeprecated',
      'JSONArgsRecommended',
    ]);
    for (const wrong of ['x=y', 'error=maybe', 'skip=a;error=true;skip=b;error=false']) {
      expect(() => lint(`# check=${wrong}\n${text}`)).toThrow('failed to parse check option');
    }
  });

  test('names the page of each rule', () => {
    const [finding] = lint('FROM debian\nCMD a').findings;
    expect(finding).toMatchObject({
      url: 'https://docs.docker.com/go/dockerfile/rule/json-args-recommended/',
      description: rules.JSONArgsRecommended.description,
    });
  });
});
