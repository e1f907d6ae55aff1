import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { boolean, int64, list, map, nullable, optional, string, struct } from '../../wire/schema.ts';
import { TemplateExecutionError } from './evaluate.ts';
import { TemplateSyntaxError } from './lexer.ts';
import { Template } from './template.ts';
import { structOf } from './typed.ts';

const data = {
  Name: 'web',
  Count: 3,
  On: true,
  Off: false,
  Empty: '',
  List: ['a', 'b', 'c'],
  Map: { x: 1, y: 2 },
  Nothing: null,
};
const run = (source: string): string => Template.parse(source).execute(data);

describe('templates print', () => {
  test.each([
    [
      '{{.Name}} {{.Count}} {{.On}} {{.List}} {{.Map}} {{.Nothing}} {{.Missing}}',
      'web 3 true [a b c] map[x:1 y:2] <no value> <no value>',
    ],
    ['a  {{- " b " -}}  c', 'a b c'],
    ['{{/* nothing */}}x', 'x'],
    ['{{range .List}}{{.}},{{end}}', 'a,b,c,'],
    ['{{range $i, $e := .List}}{{$i}}={{$e}} {{end}}', '0=a 1=b 2=c '],
    ['{{range $k, $v := .Map}}{{$k}}:{{$v}};{{end}}', 'x:1;y:2;'],
    ['{{range .Missing}}x{{else}}none{{end}}', 'none'],
    ['{{range .List}}{{if eq . "b"}}{{continue}}{{end}}{{.}}{{end}}', 'ac'],
    ['{{range .List}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}', 'a'],
    ['{{if .Off}}1{{else if .On}}2{{else}}3{{end}}', '2'],
    ['{{with .Missing}}{{.}}{{else}}no{{end}}', 'no'],
    ['{{with $x := .Name}}{{$x}}{{end}}', 'web'],
    ['{{$x := 1}}{{range .List}}{{$x = .}}{{end}}{{$x}}', 'c'],
    ['{{.Name | printf "%s-%d" | upper}}', 'WEB-%!D(MISSING)'],
    ['{{printf "%05d|%-4s|%q|%x|%t|%v" .Count .Name "a" 255 true .List}}', '00003|web |"a"|ff|true|[a b c]'],
    ['{{printf "%s" 1}}', '%!s(int=1)'],
    [
      '{{json .}}',
      '{"Count":3,"Empty":"","List":["a","b","c"],"Map":{"x":1,"y":2},"Name":"web","Nothing":null,"Off":false,"On":true}',
    ],
    ['{{json "<&>"}}', '"<&>"'],
    ['{{index .List 1}}{{index .Map "y"}}{{len .List}}{{slice .Name 1}}', 'b23eb'],
    ['{{join .List "-"}} {{split "a,b" ","}} {{title "one two"}}', 'a-b-c [a b] One Two'],
    ['{{and 1 0 2}} {{or 0 "" "x"}} {{not .Off}}', '0 x true'],
    ['{{eq .Count 1 2 3}} {{ne .Name "x"}} {{lt 1 2}} {{ge "b" "a"}}', 'true true true true'],
    ['{{print 1 2 "a" "b" 3}}|{{println "x" 1}}', '1 2ab3|x 1\n'],
    ['{{(index .List 0) | upper}}', 'A'],
    ['{{1.5}} {{1e3}} {{0x10}} {{\'a\'}} {{`raw`}} {{"\\t\\u00e9"}}', '1.5 1000 16 97 raw \té'],
  ])('%s', (source, expected) => {
    expect(run(source)).toBe(expected);
  });
});

describe('templates refuse', () => {
  test.each([
    ['{{', 'template: :1: unclosed action'],
    ['x\n{{if .A}}', 'template: :2: unexpected EOF'],
    ['{{end}}', 'template: :1: unexpected {{end}}'],
    ['{{foo}}', 'template: :1: function "foo" not defined'],
    ['{{$x}}', 'template: :1: undefined variable "$x"'],
    ['{{"a}}', 'template: :1: unterminated quoted string'],
    ['{{(.A}}', 'template: :1: unclosed left paren'],
    ['{{break}}', 'template: :1: {{break}} outside {{range}}'],
    ['{{if}}{{end}}', 'template: :1: missing value for if'],
  ])('%s', (source, message) => {
    expect(() => Template.parse(source)).toThrow(new TemplateSyntaxError(message));
  });

  test.each([
    [
      '{{.Name.Foo}}',
      'template: :1:7: executing "" at <.Name.Foo>: can\'t evaluate field Foo in type string',
    ],
    [
      '{{index .List 5}}',
      'template: :1:2: executing "" at <index .List 5>: error calling index: index out of range: 5',
    ],
    [
      '{{lt .Name 1}}',
      'template: :1:2: executing "" at <lt .Name 1>: error calling lt: incompatible types for comparison',
    ],
    [
      '{{split .Name}}',
      'template: :1:2: executing "" at <split>: wrong number of args for split: want 2 got 1',
    ],
    [
      '\n {{.Nothing.X}}',
      'template: :2:11: executing "" at <.Nothing.X>: nil pointer evaluating interface {}.X',
    ],
  ])('%j', (source, message) => {
    expect(() => run(source)).toThrow(new TemplateExecutionError(message));
  });

  test('a missing key where that is an error', () => {
    const template = Template.parse('{{.Map.z}}');
    expect(() => template.execute(data, { missingKeyIsError: true })).toThrow(
      'template: :1:6: executing "" at <.Map.z>: map has no entry for key "z"',
    );
  });
});

test('any text is either a template or a syntax error, and ends', () => {
  const piece = fc.constantFrom(
    '{{',
    '}}',
    '{{-',
    '-}}',
    '.',
    '.A',
    '$',
    '$x',
    ':=',
    '=',
    '|',
    '(',
    ')',
    '"s"',
    '1',
    ' ',
    'if',
    'range',
    'end',
    'else',
    'with',
    'json',
    'printf',
    'index',
    ',',
    '\n',
    'é',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
      try {
        Template.parse(pieces.join('')).execute({ A: [1, { B: 'x' }] });
      } catch (reason) {
        const isExpected = reason instanceof TemplateSyntaxError || reason instanceof TemplateExecutionError;
        if (!isExpected) throw reason;
      }
    }),
    { numRuns: 3000 },
  );
});

describe('an answer seen through its schema', () => {
  const Inner = struct('Inner', { A: string, B: optional(int64) });
  const schema = struct('Outer', {
    Id: string,
    Inner: Inner,
    Maybe: optional(Inner),
    Flag: nullable(boolean),
    Names: list(string),
    Labels: map(string),
  });
  const show = (source: string, value: unknown): string =>
    Template.parse(source).execute(structOf(schema, value));

  test('has Go’s names and zero values', () => {
    expect(show('{{.ID}}|{{.Inner}}|{{.Maybe}}|{{.Flag}}|{{.Names}}|{{.Labels}}', { Id: 'x' })).toBe(
      'x|{ 0}|<nil>|<nil>|[]|map[]',
    );
  });

  test('has no other fields', () => {
    expect(() => show('{{.Id}}', { Id: 'x' })).toThrow("can't evaluate field Id in type Outer");
    expect(() => show('{{.Maybe.A}}', {})).toThrow('nil pointer evaluating *Inner.A');
  });

  test('finds the zero value under a label that is not there', () => {
    expect(show('[{{index .Labels "no"}}] {{.Labels.no}}', { Labels: { a: 'b' } })).toBe('[] <no value>');
  });

  test('is written as JSON in the order of the schema', () => {
    expect(show('{{json .}}', { Labels: { b: '1', a: '2' }, Id: 'x' })).toBe(
      '{"Id":"x","Inner":{"A":""},"Flag":null,"Names":null,"Labels":{"a":"2","b":"1"}}',
    );
  });
});
