import { afterEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { BuildEvent } from '../../wire/build-messages.ts';
import { Terminal } from '../progress/testing/terminal.ts';
import { JsonDisplay } from './json-display.ts';
import { LiveDisplay } from './live-display.ts';
import { PlainDisplay } from './plain-display.ts';
import { answerReport, failureReport, warningSummary } from './reports.ts';
import { BuildTrace } from './trace.ts';

const T = 1_700_000_000_000;
const vertex = (digest: string, name: string): BuildEvent => ({ vertex: { digest, name, inputs: [] } });
const started = (digest: string, at: number): BuildEvent => ({ started: { digest, time: T + at } });
const output = (digest: string, at: number, text: string): BuildEvent => ({
  output: { digest, stream: 1, data: Buffer.from(text).toString('base64'), time: T + at },
});
const transfer = (digest: string, at: number, current: number, total: number): BuildEvent => ({
  transfer: { digest, id: 'layer', current, total, time: T + at },
});
const done = (digest: string, at: number, cached = false, error?: string): BuildEvent => ({
  done: { digest, cached, time: T + at, ...(error === undefined ? {} : { error }) },
});

function plain(events: readonly BuildEvent[], times: readonly number[] = []): string {
  let text = '';
  let now = 0;
  const display = new PlainDisplay(
    (more) => {
      text += more;
    },
    () => now,
  );
  for (const [index, event] of events.entries()) {
    now = times[index] ?? now;
    display.apply(event);
  }
  display.close();
  return text;
}

describe('plain progress', () => {
  test('numbers steps as they begin, and tells how each ended', () => {
    const text = plain([
      vertex('a', '[1/3] FROM busybox'),
      vertex('b', '[2/3] RUN x'),
      vertex('c', '[3/3] COPY a /'),
      started('a', 0),
      done('a', 10, true),
      started('b', 20),
      output('b', 143, 'one\ntw'),
      output('b', 12_020, 'o\n'),
      done('b', 12_070),
      started('c', 12_080),
      done('c', 12_090, false, 'it broke'),
    ]);
    expect(text).toBe(`#1 [1/3] FROM busybox
#1 CACHED

#2 [2/3] RUN x
#2 0.123 one
#2 0.123 two
#2 DONE 12.1s

#3 [3/3] COPY a /
#3 ERROR: it broke
`);
  });

  test('keeps lines of steps that run at once together, until one ends', () => {
    const text = plain([
      ...[vertex('a', 'A'), vertex('b', 'B'), started('a', 0), started('b', 0)],
      ...[output('a', 1, 'a1\n'), output('b', 2, 'b1\n'), output('a', 3, 'a2\n'), output('b', 4, 'b2\n')],
      ...[done('b', 1000), output('a', 2000, 'a3'), done('a', 2000)],
    ]);
    expect(text).toBe(`#1 A
#1 0.001 a1
#1 0.003 a2
#1 ...

#2 B
#2 0.002 b1
#2 0.004 b2
#2 DONE 1.0s

#1 A
#1 2.000 a3
#1 DONE 2.0s
`);
  });

  test('gives others their turn when one goes on and on', () => {
    const events = [
      ...[vertex('a', 'A'), vertex('b', 'B'), started('a', 0), started('b', 0)],
      ...[output('b', 1, 'b1\n'), output('b', 6000, 'b2\n')],
    ];
    expect(plain(events, [0, 0, 0, 0, 1, 6000])).toEndWith('#1 ...\n\n#2 B\n#2 0.001 b1\n#2 6.000 b2\n');
    expect(plain(events, [0, 0, 0, 0, 1, 2])).toStartWith('#1 A\n#1 ...\n\n#2 B\n');
  });

  test('tells of transfers that take long, and of all when they are done', () => {
    const text = plain([
      ...[vertex('a', 'A'), started('a', 0), transfer('a', 0, 0, 3_000_000)],
      ...[transfer('a', 100, 1_000_000, 3_000_000), transfer('a', 6000, 2_000_000, 3_000_000)],
      ...[transfer('a', 6200, 3_000_000, 3_000_000), done('a', 6300)],
    ]);
    expect(text).toBe(
      '#1 A\n#1 layer 2.00MB / 3.00MB 6.0s\n#1 layer 3.00MB / 3.00MB 6.2s done\n#1 DONE 6.3s\n',
    );
  });

  test('never loses output, nor mixes lines', () => {
    const step = fc.constantFrom('a', 'b', 'c');
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.boolean(), fc.nat(4000)), { maxLength: 60 }), (says) => {
        const begun = ['a', 'b', 'c'].flatMap((name) => [vertex(name, name), started(name, 0)]);
        const written = says.map(([name, ends], index) =>
          output(name, index, `${index}${ends ? '\n' : ' '}`),
        );
        const ended = ['a', 'b', 'c'].map((name) => done(name, 100));
        let now = 0;
        const times = [...begun.map(() => 0), ...says.map(([, , gap]) => (now += gap))];
        const text = plain([...begun, ...written, ...ended], times);
        for (const name of ['a', 'b', 'c']) {
          const number = new RegExp(`^#(\\d) ${name}$`, 'm').exec(text)?.[1];
          const lines = text.split('\n').filter((line) => line.startsWith(`#${number} 0.`));
          const seen = lines.map((line) => line.split(' ').slice(2).join(' ')).join('\n');
          const expected = says.map(([who, ends], at) => (who === name ? `${at}${ends ? '\n' : ' '}` : ''));
          expect(seen.trim()).toBe(expected.join('').trim());
        }
      }),
    );
  });
});

describe('live progress', () => {
  let display: LiveDisplay;
  afterEach(() => display.close());
  const show = (terminal: Terminal, events: readonly BuildEvent[], at: number): string[] => {
    let now = T;
    display = new LiveDisplay({ screen: terminal, colours: false, now: () => now });
    for (const event of events) display.apply(event);
    now = T + at;
    display.redraw();
    return terminal.text.split('\n');
  };

  test('shows steps with their times, and the end of the output of those that run', () => {
    const terminal = new Terminal(24, 40);
    const lines = show(
      terminal,
      [
        ...[vertex('a', '[1/2] FROM busybox'), vertex('b', '[2/2] RUN x'), vertex('c', 'waits')],
        ...[started('a', 0), done('a', 100, true), started('b', 100)],
        ...[output('b', 200, `${'one\ntwo\nthree\nfour\nfive\nsix\n'}\x1b[2Jsev\x1b[31men\n10%\r20%\r`)],
      ],
      2600,
    );
    expect(lines).toEqual([
      '[+] Building 2.6s (1/3)',
      ' => CACHED [1/2] FROM busybox      0.1s',
      ' => [2/2] RUN x                    2.5s',
      ' => => # three',
      ' => => # four',
      ' => => # five',
      ' => => # six',
      ' => => # seven',
      ' => => # 20%',
    ]);
    display.close();
    expect(terminal.text.split('\n')).toHaveLength(3);
    expect([terminal.row, terminal.isCursorSeen]).toEqual([3, true]);
  });

  test('keeps to the terminal: what runs is shown before what has ended', () => {
    const names = Array.from({ length: 30 }, (_, index) => `s${index}`);
    const lines = show(
      new Terminal(10, 30),
      [
        ...names.flatMap((name, index) => [vertex(name, name), started(name, index)]),
        ...names.slice(2).map((name) => done(name, 50)),
      ],
      1000,
    );
    expect(lines).toHaveLength(9);
    expect(lines.slice(1, 3).map((line) => line.slice(0, 6))).toEqual([' => s0', ' => s1']);
    expect(lines.at(-1)).toStartWith(' => s29');
  });

  test('tells the ends of a build apart', () => {
    const terminal = new Terminal(24, 40);
    display = new LiveDisplay({ screen: terminal, colours: true, now: () => T });
    for (const event of [vertex('a', 'a'), vertex('b', 'b'), started('a', 0), started('b', 0)]) {
      display.apply(event);
    }
    display.apply(done('a', 0, false, 'it broke'));
    display.apply(done('b', 0, false, 'context canceled'));
    display.close();
    expect(terminal.text).toContain(' => ERROR a');
    expect(terminal.text).toContain(' => CANCELED b');
    expect(terminal.text).not.toContain('FINISHED');
    expect([...terminal.colours]).toEqual(['\x1b[31m', '\x1b[0m', '\x1b[33m']);
  });

  test('is never wider or higher than the terminal, whatever steps say', () => {
    const hostile = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(
        hostile,
        hostile,
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 2, max: 20 }),
        (name, text, columns, rows) => {
          // The terminal throws where a line is too wide or the cursor leaves the screen.
          const terminal = new Terminal(rows, columns);
          show(
            terminal,
            [vertex('a', name), started('a', 0), output('a', 0, `${text}\n`), transfer('a', 0, 1, 2)],
            0,
          );
          display.close();
        },
      ),
    );
  });
});

test('progress as JSON has the keys of BuildKit', () => {
  const lines: unknown[] = [];
  const display = new JsonDisplay((line) => lines.push(JSON.parse(line)));
  for (const event of [
    vertex('a', 'A'),
    started('a', 0),
    output('a', 1, 'x'),
    transfer('a', 2, 5, 9),
    done('a', 3, true),
  ]) {
    display.apply(event);
  }
  const [start, written, moved, end] = ['00', '01', '02', '03'].map((ms) => `2023-11-14T22:13:20.0${ms}Z`);
  expect(lines).toEqual([
    { vertexes: [{ digest: 'a', inputs: [], name: 'A' }] },
    { vertexes: [{ digest: 'a', inputs: [], name: 'A', started: start }] },
    { logs: [{ vertex: 'a', stream: 1, data: 'eA==', timestamp: written }] },
    { statuses: [{ id: 'layer', vertex: 'a', total: 9, current: 5, timestamp: moved, started: moved }] },
    { vertexes: [{ digest: 'a', inputs: [], name: 'A', started: start, completed: end, cached: true }] },
  ]);
});

describe('what is said at the end', () => {
  const lines = { first: 2, last: 2 };
  const excerpt = 'Dockerfile:2\n   2 | >>> RUN x\n';
  const warning = {
    rule: 'Rule',
    description: 'd',
    url: 'https://rules.example/',
    detail: 'Do not.',
    lines,
    excerpt,
  };

  test('of a failure is the output of its step, all of it where it is not to be seen above', () => {
    const trace = new BuildTrace();
    const text = Array.from({ length: 12 }, (_, index) => `line ${index}\n`).join('');
    for (const event of [vertex('a', '[2/2] RUN x'), started('a', 0), output('a', 1, text)])
      trace.apply(event);
    const failure = { message: 'm', code: 3, digest: 'a', lines, excerpt };
    const short = failureReport(failure, { trace, keepsOutput: true });
    expect(short).toStartWith('------\n > [2/2] RUN x:\n0.001 line 2\n');
    expect(short).toEndWith('0.001 line 11\n------\nDockerfile:2\n   2 | >>> RUN x\n');
    expect(failureReport(failure, { trace, keepsOutput: false })).toContain('0.001 line 0\n');
    expect(failureReport({ ...failure, digest: '' }, { trace, keepsOutput: true })).toBe(excerpt);
  });

  test('of warnings is a line each', () => {
    expect(warningSummary([], 'sampan')).toBe('');
    expect(warningSummary([warning], 'sampan')).toBe(
      '\n 1 warning found (use sampan build --check to expand):\n - Rule: Do not. (line 2)\n',
    );
  });

  test("of an answer is its text, under a heading where it is the linter's, or its JSON", () => {
    const lint = { name: 'lint', isJson: false, ignoresStatus: false };
    const said = '\nWARNING: Rule\nDo not.\n';
    const answer = { json: '{}', text: said + said, status: 1 };
    expect(answerReport(lint, { ...answer, text: '', status: 0 })).toBe(
      'Check complete, no warnings found.\n',
    );
    expect(answerReport(lint, answer)).toBe(`Check complete, 2 warnings have been found!\n${said}${said}`);
    expect(answerReport(lint, { ...answer, text: said })).toStartWith(
      'Check complete, 1 warning has been found!',
    );
    expect(answerReport(lint, { ...answer, text: 'ERROR: no\n' })).toBe('ERROR: no\n');
    expect(answerReport({ ...lint, isJson: true }, answer)).toBe('{}\n');
    expect(answerReport({ ...lint, name: 'targets' }, { ...answer, text: 'TARGET\n' })).toBe('TARGET\n');
  });
});
