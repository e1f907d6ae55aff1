import { fstatSync, writeSync } from 'node:fs';
import type { ReadStream, WriteStream } from 'node:tty';
import { isErrno } from '../base/errno.ts';
import type { Io } from './io.ts';

/**
 * The process's own streams. `process.stdout` and `process.stdin` are touched only for a terminal: on Bun loading them takes longer
 * than most commands.
 */
export function processIo(): Io {
  const stdinIsTerminal = isTerminal(0);
  const stdoutIsTerminal = isTerminal(1);
  return {
    environment: process.env,
    out: (text) => writeAll(1, text),
    err: (text) => writeAll(2, text),
    outBytes: (bytes) => writeBytes(1, bytes),
    errBytes: (bytes) => writeBytes(2, bytes),
    stdinIsTerminal,
    stdoutIsTerminal,
    terminalSize(target = 'out') {
      if (target === 'out' ? !stdoutIsTerminal : !isTerminal(2)) return undefined;
      const stream = target === 'out' ? process.stdout : process.stderr;
      const [columns, rows] = (stream as WriteStream).getWindowSize();
      return { rows, columns };
    },
    rawMode: () => (stdinIsTerminal ? enterRawMode(process.stdin as ReadStream) : () => {}),
    stdin: () => Bun.stdin.stream() as unknown as AsyncIterable<Uint8Array>,
    onSignals(names, handler) {
      for (const name of names) process.on(name, handler);
      return () => {
        for (const name of names) process.off(name, handler);
      };
    },
  };
}

/** Linux's device numbers (Documentation/admin-guide/devices.txt): consoles and serial lines, and pseudo terminals. */
const MEMORY_DEVICES = 1;
const isConsole = (major: number): boolean => major === 4 || major === 5;
const isPseudoTerminal = (major: number): boolean => major >= 136 && major <= 143;

/** isatty, without loading node:tty for the answers that are plain from the device's number. */
function isTerminal(descriptor: number): boolean {
  try {
    const stat = fstatSync(descriptor);
    const major = stat.rdev >> 8;
    if (!stat.isCharacterDevice() || major === MEMORY_DEVICES) return false;
    if (isConsole(major) || isPseudoTerminal(major)) return true;
  } catch {
    return false;
  }
  const { isatty } = require('node:tty') as typeof import('node:tty');
  return isatty(descriptor);
}

const deadly = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;

function enterRawMode(stdin: ReadStream): () => void {
  stdin.setRawMode(true);
  passOutputThrough(0);
  let raw = true;
  const restore = (): void => {
    if (!raw) return;
    raw = false;
    stdin.setRawMode(false);
    process.off('exit', restore);
    for (const name of Object.keys(deadly)) process.off(name, die);
  };
  const die = (name: keyof typeof deadly): void => {
    // Another listener passes the signal on, and the container decides.
    if (process.listenerCount(name) > 1) return;
    restore();
    process.exit(128 + deadly[name]);
  };
  // Whatever ends the process, the shell must find its terminal as it was.
  process.on('exit', restore);
  for (const name of Object.keys(deadly)) process.on(name, die);
  return restore;
}

const OPOST = 1;
const TCSANOW = 0;
/** Of struct termios (asm-generic/termbits.h), which starts with c_iflag and c_oflag, four bytes each. */
const TERMIOS_SIZE = 60;

/**
 * What comes is output of the container's terminal, which has made "\r\n" of "\n" where that was wanted. Node's raw mode leaves this
 * terminal doing the same again (OPOST, termios(3)), which misplaces what full-screen programs draw. Leaving raw mode sets it back.
 */
function passOutputThrough(descriptor: number): void {
  const { dlopen } = require('bun:ffi') as typeof import('bun:ffi');
  const libc = dlopen('libc.so.6', {
    tcgetattr: { args: ['i32', 'ptr'], returns: 'i32' },
    tcsetattr: { args: ['i32', 'i32', 'ptr'], returns: 'i32' },
  });
  const termios = new Uint8Array(TERMIOS_SIZE);
  if (libc.symbols.tcgetattr(descriptor, termios) === 0) {
    const outputFlags = new Uint32Array(termios.buffer, 4, 1);
    outputFlags[0] = (outputFlags[0] ?? 0) & ~OPOST;
    libc.symbols.tcsetattr(descriptor, TCSANOW, termios);
  }
  libc.close();
}

const encoder = new TextEncoder();

function writeAll(descriptor: number, text: string): void {
  const bytes = encoder.encode(text);
  let sent = 0;
  while (sent < bytes.length) {
    try {
      sent += writeSync(descriptor, bytes, sent);
    } catch (reason) {
      if (!isErrno(reason, 'EAGAIN')) endOnBrokenPipe(reason);
      Bun.sleepSync(1);
    }
  }
}

async function writeBytes(descriptor: number, bytes: Uint8Array): Promise<void> {
  let sent = 0;
  while (sent < bytes.length) {
    try {
      sent += writeSync(descriptor, bytes, sent);
    } catch (reason) {
      if (!isErrno(reason, 'EAGAIN')) endOnBrokenPipe(reason);
      await Bun.sleep(1);
    }
  }
}

/** `sampan logs x | head` ends quietly, as every filter does. */
function endOnBrokenPipe(reason: unknown): never {
  if (isErrno(reason, 'EPIPE')) process.exit(141);
  throw reason;
}
