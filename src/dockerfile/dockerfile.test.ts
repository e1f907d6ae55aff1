import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { readDockerfile } from './dockerfile.ts';
import { DockerfileError } from './errors.ts';
import type { Instruction } from './instructions.ts';

function instructionsOf(text: string): readonly Instruction[] {
  return readDockerfile(`FROM scratch\n${text}`).stages[0]?.instructions ?? [];
}

function only(text: string): Instruction {
  const [instruction, ...others] = instructionsOf(text);
  if (instruction === undefined || others.length > 0) throw new Error(`not one instruction: ${text}`);
  return instruction;
}

describe('a Dockerfile', () => {
  test('has stages, and arguments before them', () => {
    const file = readDockerfile(
      'ARG V=1\nFROM --platform=$P debian:$V AS Base\nRUN a\nFROM base\nfrom x as y',
    );
    expect(file.globals.map(({ pairs }) => pairs)).toEqual([[{ name: 'V', value: '1' }]]);
    expect(file.stages.map(({ from }) => [from.image, from.name, from.platform])).toEqual([
      ['debian:$V', 'base', '$P'],
      ['base', '', ''],
      ['x', 'y', ''],
    ]);
  });

  test('has directives before anything else', () => {
    const file = readDockerfile('#syntax=docker/dockerfile:1\n# escape = `\n# check=skip=all\nFROM a');
    expect(file.directives).toEqual({ syntax: 'docker/dockerfile:1', escape: '`', check: 'skip=all' });
    expect(readDockerfile('# a comment\n# escape=`\nFROM a').directives.escape).toBe('\\');
  });

  test('continues lines over comments and empty lines, of which it tells', () => {
    const file = readDockerfile('FROM a\nRUN one \\\n  # no\n\n  two \\  \n  three\nUSER x');
    const [run, user] = file.stages[0]?.instructions ?? [];
    expect(run).toMatchObject({ command: { words: ['one   two   three'] }, lines: { first: 2, last: 6 } });
    expect(user).toMatchObject({ lines: { first: 7, last: 7 } });
    expect(file.emptyContinuations).toEqual([{ first: 2, last: 6 }]);
  });

  test('takes another escape character where it says so', () => {
    const file = readDockerfile('# escape=`\nFROM a\nRUN dir c:\\ `\n  x');
    expect(file.stages[0]?.instructions[0]).toMatchObject({ command: { words: ['dir c:\\   x'] } });
  });

  test.each([
    ['', 'file with no instructions'],
    ['RUN x', 'no build stage in current context'],
    ['FROM', 'FROM requires either one or three arguments'],
    ['FROM a AS', 'FROM requires either one or three arguments'],
    ['FROM a AS 1x', 'invalid name for build stage: "1x"'],
    ['FROM a\nrUm x', 'unknown instruction: rUm (did you mean run?)'],
    ['FROM a\nRUM x', 'unknown instruction: RUM (did you mean RUN?)'],
    ['FROM a\nCOPY x', 'COPY requires at least two arguments'],
    ['FROM a\nCOPY --form=x a b', 'unknown flag: --form (did you mean from?)'],
    ['FROM a\nCOPY --chown=a --chown=b a b', 'duplicate flag specified: --chown'],
    ['FROM a\nCOPY --chown a b', 'missing a value on flag: --chown'],
    ['FROM a\nCOPY --from=$x a b', 'variable expansion is not supported for --from'],
    ['FROM a\nCOPY http://x/y b', "source can't be a URL for COPY"],
    ['FROM a\nENV x', 'ENV must have two arguments'],
    ['FROM a\nENV a=b c', 'can\'t find = in "c"'],
    ['FROM a\nLABEL =x', 'LABEL names can not be blank'],
    ['FROM a\nRUN <<E\nx', 'unterminated heredoc'],
    ['FROM a\nRUN --network=x y', 'invalid network mode "x"'],
    ['FROM a\nONBUILD ONBUILD RUN x', 'Chaining ONBUILD'],
    ['FROM a\nONBUILD FROM x', "FROM isn't allowed as an ONBUILD trigger"],
    ['FROM a\nHEALTHCHECK --interval=1us CMD x', 'Interval "1us" cannot be less than 1ms'],
    ['FROM a\nHEALTHCHECK WHAT', 'Unknown type "WHAT" in HEALTHCHECK (try CMD)'],
    ['FROM a\nSHELL bash', 'SHELL requires the arguments to be in JSON form'],
    ['FROM a\nVOLUME ["a", 1]', 'arrays must be comprised of strings only'],
    ['# escape=x\nFROM a', "invalid escape token 'x'"],
    ['# escape=`\n# escape=`\nFROM a', 'only one escape parser directive can be used'],
    [`FROM a\nRUN ${'x'.repeat(66_000)}`, 'dockerfile line greater than max allowed size of 65535'],
  ])('is refused: %j', (text, message) => {
    expect(() => readDockerfile(text)).toThrow(message);
  });

  test('says where it is wrong', () => {
    try {
      readDockerfile('FROM a\n\nRUN x\nCOPY \\\n y');
      throw new Error('was taken');
    } catch (error) {
      expect(error).toBeInstanceOf(DockerfileError);
      expect((error as DockerfileError).lines).toEqual({ first: 4, last: 5 });
    }
  });

  test('of any bytes is read or refused, never more', () => {
    const word = fc.constantFrom(
      'FROM',
      'RUN',
      'COPY',
      '<<E',
      'E',
      '\\',
      '\n',
      ' ',
      '"',
      "'",
      '$',
      '{',
      '}',
      '#',
      '[',
      '--a=b',
      'x',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (words) => {
        try {
          readDockerfile(words.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(DockerfileError);
        }
      }),
    );
  });
});

describe('instructions', () => {
  test('run: shell and exec form, flags, documents', () => {
    expect(only('RUN --mount=type=cache,target=/x --network=none echo "a b" $c')).toMatchObject({
      ...{ mounts: ['type=cache,target=/x'], network: 'none' },
      command: { isShell: true, words: ['echo "a b" $c'] },
    });
    expect(only('RUN ["a", "b c"]')).toMatchObject({ command: { isShell: false, words: ['a', 'b c'] } });
    expect(only("RUN [a, 'b']")).toMatchObject({ command: { isShell: true } });
    expect(only('RUN <<-"END" cat\n\tone\n\ttwo\n\tEND')).toMatchObject({
      heredocs: [{ name: 'END', expands: false, chomps: true, content: 'one\ntwo\n' }],
    });
  });

  test('copy: several documents and files', () => {
    expect(only('COPY <<a.txt b <<c.txt /d/\n1\na.txt\n2\nc.txt')).toMatchObject({
      ...{ sources: ['<<a.txt', 'b', '<<c.txt'], destination: '/d/' },
      heredocs: [
        { name: 'a.txt', content: '1\n', expands: true },
        { name: 'c.txt', content: '2\n' },
      ],
    });
    const flags = '--from=0 --chown=a:b --chmod=u=rwX --link --parents --exclude=*.o --exclude=x';
    expect(only(`COPY ${flags} ["a b", "c"]`)).toMatchObject({
      ...{ from: '0', chown: 'a:b', chmod: 'u=rwX', link: true, parents: true, excludes: ['*.o', 'x'] },
      ...{ sources: ['a b'], destination: 'c' },
    });
    expect(only('ADD --keep-git-dir=true --checksum=sha256:a --unpack=false a b')).toMatchObject({
      ...{ keepGitDir: true, checksum: 'sha256:a', unpack: false },
    });
  });

  test('env and label: pairs, quotes kept, and the old form', () => {
    expect(only('ENV a=1 b="x y" c=d\\ e')).toMatchObject({
      isLegacy: false,
      pairs: [
        { name: 'a', value: '1' },
        { name: 'b', value: '"x y"' },
        { name: 'c', value: 'd\\ e' },
      ],
    });
    expect(only('LABEL name all the rest')).toMatchObject({
      isLegacy: true,
      pairs: [{ name: 'name', value: 'all the rest' }],
    });
  });

  test('healthcheck: nanoseconds', () => {
    expect(only('HEALTHCHECK --interval=1m --timeout=3s --retries=2 CMD curl x || exit 1')).toMatchObject({
      health: {
        ...{ Test: ['CMD-SHELL', 'curl x || exit 1'], Interval: 60_000_000_000, Timeout: 3_000_000_000 },
        Retries: 2,
      },
    });
    expect(only('HEALTHCHECK CMD ["a","b"]')).toMatchObject({ health: { Test: ['CMD', 'a', 'b'] } });
    expect(only('HEALTHCHECK NONE')).toMatchObject({ health: { Test: ['NONE'] } });
  });

  test('onbuild keeps its text, documents and flags', () => {
    expect(only('ONBUILD COPY --chown=a <<E /x\nhi\nE')).toMatchObject({
      trigger: 'COPY --chown=a <<E /x\nhi\nE\n',
    });
  });

  test('the others keep their words', () => {
    expect(only('WORKDIR /a b')).toMatchObject({ kind: 'workdir', word: '/a b' });
    expect(only('EXPOSE 80 443/tcp')).toMatchObject({ words: ['80', '443/tcp'] });
    expect(only('VOLUME ["/a"]')).toMatchObject({ words: ['/a'] });
    expect(only('SHELL ["bash", "-c"]')).toMatchObject({ words: ['bash', '-c'] });
    expect(only('MAINTAINER Some One <a@b>')).toMatchObject({ word: 'Some One <a@b>' });
    expect(only('ARG a b=c')).toMatchObject({
      pairs: [
        { name: 'a', value: undefined },
        { name: 'b', value: 'c' },
      ],
    });
  });
});
