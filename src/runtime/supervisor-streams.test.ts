import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { setImmediate } from 'node:timers/promises';
import type { Attachment } from './contract.ts';
import { connectSupervisor } from './supervisor.ts';
import {
  allStreams,
  collect,
  context,
  execPlan,
  openSupervisorFixture,
  readLog,
  readUntil,
  type SupervisorFixture,
} from './testing/supervisor-fixture.ts';

let fixture: SupervisorFixture;
beforeAll(async () => {
  fixture = await openSupervisorFixture();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

const megabyte = 1 << 20;

describe('output', () => {
  test('of a process that ends at once is all there for a client that waited for the start', async () => {
    const { supervisor, attachments } = await fixture.start('quick', {
      argv: ['sh', '-c', 'echo out; echo err >&2'],
      attach: [allStreams, { ...allStreams, stderr: false }],
    });
    expect(await Promise.all(attachments.map(collect))).toEqual([
      { stdout: 'out\n', stderr: 'err\n' },
      { stdout: 'out\n', stderr: '' },
    ]);
    expect((await supervisor.exited).code).toBe(0);
  });

  test('of 100 MB reaches a client and the log without loss', async () => {
    const line = 'abcdefghijklmnopqrstuvwxyz0123456789';
    const lines = Math.ceil((100 * megabyte) / (line.length + 1));
    const { supervisor, attachments } = await fixture.start('much', {
      argv: ['sh', '-c', `yes ${line} | head -n ${lines}`],
      attach: [allStreams],
    });
    expect(await countOutput(attachments[0])).toEqual({ bytes: lines * (line.length + 1), damaged: 0 });
    await supervisor.exited;
    const record = `^{"log":"${line}\\\\n","stream":"stdout","time":"[^"]*"}$`;
    const counted = Bun.spawnSync(['grep', '-c', record, fixture.file('much', 'log')], {
      env: { LC_ALL: 'C' },
    });
    expect(counted.stdout.toString().trim()).toBe(String(lines));
  }, 60_000);

  test('flows on for others when a client does not read, which is cut off', async () => {
    const size = 30 * megabyte;
    const { supervisor, attachments } = await fixture.start('stuck', {
      argv: ['head', '-c', String(size), '/dev/zero'],
      attach: [allStreams, allStreams, allStreams],
    });
    const [stuck, ...readers] = attachments;
    const counts = await Promise.all(readers.map(countOutput));
    expect(counts.map(({ bytes }) => bytes)).toEqual([size, size]);
    expect((await supervisor.exited).code).toBe(0);
    expect((await countOutput(stuck)).bytes).toBeLessThan(size);
  }, 60_000);

  test('that nobody attached to does not stop the process', async () => {
    const { supervisor } = await fixture.start('nobody', {
      argv: ['head', '-c', String(10 * megabyte), '/dev/zero'],
    });
    expect((await supervisor.exited).code).toBe(0);
  });

  test('of an exec ends when its exit is known, whichever connection is quicker', async () => {
    const { supervisor } = await fixture.start('told', { argv: ['sleep', '1000'] });
    const codes: (number | undefined)[] = [];
    for (let i = 0; i < 50; i++) {
      const plan = execPlan({ argv: ['sh', '-c', 'exit 3'] });
      const exec = await supervisor.exec(context, { id: `told${i}`, plan, attach: allStreams });
      await collect(exec.attachment);
      codes.push(await Promise.race([exec.exited.then(({ code }) => code), setImmediate(undefined)]));
    }
    expect(codes).toEqual(codes.map(() => 3));
    await supervisor.signal(context, 9);
    await supervisor.exited;
  });

  test('held by an orphan ends soon after the process', async () => {
    const { supervisor, attachments } = await fixture.start('orphans', {
      argv: ['sh', '-c', 'sleep 1000 & echo $!'],
      attach: [allStreams],
    });
    const { stdout } = await collect(attachments[0]);
    expect((await supervisor.exited).code).toBe(0);
    process.kill(Number(stdout), 9);
  });

  test('ends for a client that leaves, and goes on for the others', async () => {
    const { supervisor, attachments } = await fixture.start('leaving', {
      argv: ['sh', '-c', 'echo one; read line; echo two'],
      stdin: true,
      attach: [allStreams, allStreams],
    });
    const [leaver, stayer] = attachments as [Attachment, Attachment];
    await readUntil(leaver, 'one');
    await leaver[Symbol.asyncDispose]();
    expect(await leaver.detached).toBe(false);
    await stayer.write(Buffer.from('go\n'));
    expect((await collect(stayer)).stdout).toBe('one\ntwo\n');
    await supervisor.exited;
  });
});

describe('standard input', () => {
  test('of any length arrives, and its end with stdinOnce', async () => {
    const { supervisor, attachments } = await fixture.start('input', {
      argv: ['sh', '-c', 'sha256sum'],
      stdin: true,
      stdinOnce: true,
      attach: [allStreams],
    });
    const [client] = attachments as [Attachment];
    const input = Buffer.alloc(5 * megabyte, 'some input ');
    await client.write(input);
    await client.end();
    const digest = new Bun.CryptoHasher('sha256').update(input).digest('hex');
    expect((await collect(client)).stdout).toBe(`${digest}  -\n`);
    await supervisor.exited;
  });

  test('ends when the client vanishes, with stdinOnce', async () => {
    const { supervisor, attachments } = await fixture.start('vanish', {
      argv: ['sh', '-c', 'cat; exit 4'],
      stdin: true,
      stdinOnce: true,
      attach: [allStreams],
    });
    await attachments[0]?.[Symbol.asyncDispose]();
    expect((await supervisor.exited).code).toBe(4);
  });

  test('stays open without stdinOnce when a client has no more, whose attachment ends', async () => {
    const { supervisor, attachments } = await fixture.start('open', {
      argv: ['sh', '-c', 'read a; echo $a; read b; echo $b'],
      stdin: true,
      attach: [allStreams],
    });
    const [first] = attachments as [Attachment];
    await first.write(Buffer.from('one\n'));
    await readUntil(first, 'one\n');
    await first.end();
    await collect(first);
    const second = await supervisor.attach(context, allStreams);
    await second.write(Buffer.from('two\n'));
    expect((await collect(second)).stdout).toBe('two\n');
    expect((await supervisor.exited).code).toBe(0);
  });

  test('that the process does not read holds up neither its output nor other clients', async () => {
    const { supervisor, attachments } = await fixture.start('deaf', {
      argv: ['sh', '-c', 'trap "echo heard; exit" USR1; echo ready; while :; do sleep 0.01; done'],
      stdin: true,
      attach: [allStreams, allStreams],
    });
    const [writer, reader] = attachments as [Attachment, Attachment];
    const written = writer.write(Buffer.alloc(4 * megabyte));
    await readUntil(reader, 'ready');
    await supervisor.signal(context, 10);
    expect((await collect(reader)).stdout).toContain('heard\n');
    await written;
    await supervisor.exited;
  });

  test('of an exec is its own', async () => {
    const { supervisor } = await fixture.start('execin', { argv: ['sleep', '1000'] });
    const exec = await supervisor.exec(context, {
      id: 'e',
      plan: execPlan({ argv: ['cat'], stdin: true, stdinOnce: true }),
      attach: allStreams,
    });
    await exec.attachment?.write(Buffer.from('to the exec'));
    await exec.attachment?.end();
    expect((await collect(exec.attachment)).stdout).toBe('to the exec');
    expect((await exec.exited).code).toBe(0);
    await supervisor.signal(context, 9);
    await supervisor.exited;
  });
});

describe('a terminal', () => {
  const terminalKeys = { ...allStreams, detachKeys: Buffer.from('\x10\x11') };

  test('echoes, has one stream and the size that was asked for', async () => {
    const { supervisor, attachments } = await fixture.start('terminal', {
      argv: ['sh', '-c', 'read go; stty size; echo error >&2; tty; exit 6'],
      terminal: true,
      stdin: true,
      attach: [terminalKeys],
    });
    const [client] = attachments as [Attachment];
    await supervisor.resize(context, { rows: 33, columns: 77 });
    await client.write(Buffer.from('go\r'));
    const { stdout, stderr } = await collect(client);
    expect(stdout).toMatch(/^go\r\n33 77\r\nerror\r\n\/dev\/pts\/\d+\r\n$/);
    expect(stderr).toBe('');
    expect((await supervisor.exited).code).toBe(6);
    const log = await readLog(fixture.file('terminal', 'log'));
    expect(log.map(({ stream }) => stream)).toEqual(['stdout', 'stdout', 'stdout', 'stdout']);
    expect(log[2]?.log).toBe('error\r\n');
  });

  test('is left by the detach keys, even one by one, and can be joined again', async () => {
    const { supervisor, attachments } = await fixture.start('detach', {
      argv: ['sh', '-c', 'read a; echo got $a'],
      terminal: true,
      stdin: true,
      attach: [terminalKeys],
    });
    const [first] = attachments as [Attachment];
    await first.write(Buffer.from('x\x10'));
    await readUntil(first, 'x');
    await first.write(Buffer.from('\x11y'));
    expect(await first.detached).toBe(true);
    expect((await collect(first)).stdout).toBe('');
    const again = await connectSupervisor(context, fixture.file('detach', 'socket'));
    const second = await again.attach(context, terminalKeys);
    await second.write(Buffer.from('z\r'));
    expect((await collect(second)).stdout).toContain('got xz\r\n');
    expect(await second.detached).toBe(false);
    expect((await supervisor.exited).code).toBe(0);
    await again.exited;
  });

  test('of an exec is resized by the id of the exec', async () => {
    const { supervisor } = await fixture.start('exectty', { argv: ['sleep', '1000'] });
    const exec = await supervisor.exec(context, {
      id: 'e',
      plan: execPlan({ argv: ['sh', '-c', 'read go; stty size'], terminal: true, stdin: true }),
      attach: allStreams,
    });
    await supervisor.resize(context, { rows: 12, columns: 34 }, 'e');
    await exec.attachment?.write(Buffer.from('\r'));
    expect((await collect(exec.attachment)).stdout).toContain('12 34\r\n');
    expect((await exec.exited).code).toBe(0);
    await supervisor.signal(context, 9);
    await supervisor.exited;
  });
});

/** Reads an attachment to its end, checking that it is made of whole frames. */
async function countOutput(attachment: Attachment | undefined): Promise<{ bytes: number; damaged: number }> {
  let bytes = 0;
  let damaged = 0;
  let left = 0;
  let header = Buffer.alloc(0);
  for await (const chunk of attachment?.frames ?? []) {
    for (let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length); rest.length > 0; ) {
      if (left === 0) {
        const wanted = 8 - header.length;
        header = Buffer.concat([header, rest.subarray(0, wanted)]);
        rest = rest.subarray(wanted);
        if (header.length < 8) continue;
        left = header.readUInt32BE(4);
        if (header.readUInt32BE(0) !== 0x01000000) damaged += 1;
        header = Buffer.alloc(0);
      }
      const taken = Math.min(left, rest.length);
      left -= taken;
      bytes += taken;
      rest = rest.subarray(taken);
    }
  }
  return { bytes, damaged };
}
