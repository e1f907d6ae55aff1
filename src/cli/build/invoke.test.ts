import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { CommandError } from '../command-error.ts';
import { questionOf } from './call-flag.ts';
import { readInvoke } from './invoke.ts';

const nothing = { Cmd: [], Env: [], User: '', WorkingDir: '' };

test('--invoke is a program, its words and surroundings, or the shell', () => {
  expect(readInvoke('')).toEqual(nothing);
  expect(readInvoke('default')).toEqual(nothing);
  expect(readInvoke('bash')).toEqual({ ...nothing, Cmd: ['bash'] });
  expect(
    readInvoke('entrypoint=sh,args=-c,"args=echo a, b",env=A=1,env=B=,user=5:6,cwd=/w,tty=true'),
  ).toEqual({
    ...{ Cmd: ['sh', '-c', 'echo a, b'], Env: ['A=1', 'B='], User: '5:6', WorkingDir: '/w' },
  });
  expect(readInvoke('"args=[""a"",""b c""]"')).toEqual({ ...nothing, Cmd: ['a', 'b c'] });
  expect(() => readInvoke('colour=red')).toThrow('unknown key "colour"');
  expect(() => readInvoke('args=x,red')).toThrow('invalid value red');
});

test('--invoke takes any word as it is', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (word) => {
      const quoted = `"args=${word.replaceAll('"', '""')}"`;
      // A list of JSON is several words.
      fc.pre(!/^\s*\[/.test(word) && !/[\r\n]/.test(word));
      expect(readInvoke(quoted).Cmd).toEqual([word]);
    }),
  );
});

test('--call is a question, in one of two forms', () => {
  const ask = (call: string, check = false) => questionOf({ call, check });
  expect(ask('build')).toBeUndefined();
  expect(ask('')).toBeUndefined();
  expect(ask('build', true)).toEqual({ name: 'lint', isJson: false, ignoresStatus: false });
  expect(ask('check,format=json')).toEqual({ name: 'lint', isJson: true, ignoresStatus: false });
  expect(ask('outline,format=text,ignorestatus=true')).toEqual({
    ...{ name: 'outline', isJson: false, ignoresStatus: true },
  });
  expect(() => ask('outline,format=xml')).toThrow(CommandError);
  expect(() => ask('outline,colour=red')).toThrow('invalid attribute "colour" of --call');
});
