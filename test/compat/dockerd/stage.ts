import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { splitLine } from '../cli-cases.ts';
import { savedImages } from './images.ts';
import { Normaliser } from './normalise.ts';
import {
  type Answer,
  type CommandOutcome,
  isRequest,
  type Outcome,
  type Scenario,
  type Step,
  stepOf,
} from './scenario.ts';

const API = '/v1.41';

/** A daemon on which scenarios are played, through a command line and by requests of our own. */
export class Stage implements Disposable {
  readonly #dir = mkdtempSync(join(tmpdir(), 'compat-'));
  readonly #saved = savedImages();
  readonly #socket: string;
  readonly #program: string;

  constructor(socket: string, program: string) {
    this.#socket = socket;
    // Called docker, it speaks as docker.
    this.#program = join(this.#dir, 'docker');
    symlinkSync(program, this.#program);
    const files = {
      'images.tar': this.#saved.archive,
      'root.tar': this.#saved.layer,
      'not.tar': 'not really a tar',
      env: '# comment\nFROM_FILE=1\n',
      'bad-seccomp.json': '{"defaultAction":"SCMP_ACT_NO"}',
      'allow-seccomp.json': '{"defaultAction":"SCMP_ACT_ALLOW"}',
    };
    for (const [name, data] of Object.entries(files)) writeFileSync(join(this.#dir, name), data);
    mkdirSync(join(this.#dir, 'shared'));
    writeFileSync(join(this.#dir, 'shared/file'), 'shared\n');
  }

  /** Plays all steps in a clean state; their outcomes, comparable between daemons. */
  async play(scenario: Scenario): Promise<Outcome[]> {
    await this.#clean();
    const start = Date.now() / 1000;
    const normaliser = new Normaliser(this.#knownTexts());
    const outcomes: Outcome[] = [];
    for (const given of scenario.steps) {
      const step = stepOf(given);
      const line = await this.#fill(step.line, start);
      const outcome = isRequest(line) ? await this.#ask(line, step) : await this.#command(line, step);
      outcomes.push(normaliser.outcome(outcome, step));
    }
    return outcomes;
  }

  [Symbol.dispose](): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #knownTexts(): Map<string, string> {
    const ids = Object.entries(this.#saved.ids).flatMap(([name, id]): [string, string][] => [
      [id.slice('sha256:'.length), `<${name}>`],
      [id.slice('sha256:'.length, 'sha256:'.length + 12), `<short ${name}>`],
    ]);
    return new Map([...ids, [this.#dir, '<dir>']]);
  }

  /** No container, no volume, and no image but those of the archive. */
  async #clean(): Promise<void> {
    for (const { Id } of await this.#list('/containers/json?all=1'))
      await this.#send('DELETE', `/containers/${Id}?force=1&v=1`);
    for (const { Name } of (await this.#list('/volumes')) ?? [])
      await this.#send('DELETE', `/volumes/${Name}?force=1`);
    const kept = new Set(Object.values(this.#saved.ids));
    for (const { Id } of await this.#list('/images/json?all=1')) {
      if (!kept.has(Id)) await this.#send('DELETE', `/images/${Id}?force=1`);
    }
    for (const { Id, RepoTags } of await this.#list('/images/json')) {
      for (const tag of RepoTags ?? []) {
        if (!['busybox:latest', 'app:1', 'app:latest'].includes(tag))
          await this.#send('DELETE', `/images/${tag}?noprune=1`);
        else kept.add(`${Id} ${tag}`);
      }
    }
    if (kept.size < 5)
      await this.#send('POST', '/images/load?quiet=1', this.#saved.archive, 'application/x-tar');
  }

  // biome-ignore lint/suspicious/noExplicitAny: whatever the daemon answers
  async #list(path: string): Promise<any> {
    const { body } = await this.#send('GET', path);
    return path === '/volumes' ? (body as { Volumes: unknown }).Volumes : body;
  }

  async #fill(line: string, start: number): Promise<string> {
    const now = (Date.now() / 1000 + 0.001).toFixed(6);
    let filled = line.replaceAll('<start>', start.toFixed(6)).replaceAll('<now>', now);
    const busybox = this.#saved.ids['busybox'] ?? '';
    filled = filled.replaceAll('<image>', busybox).replaceAll('<short-image>', busybox.slice(7, 19));
    if (filled.includes('<ambiguous>'))
      filled = filled.replaceAll('<ambiguous>', await this.#ambiguousPrefix());
    for (const [stand, name] of filled.matchAll(/<id:(\w+)>/g)) {
      const { body } = await this.#send('GET', `/containers/${name}/json`);
      filled = filled.replaceAll(stand, (body as { Id: string }).Id);
    }
    return isRequest(filled) ? filled.replaceAll('<dir>', this.#dir) : filled;
  }

  /** The first digit that two containers share. */
  async #ambiguousPrefix(): Promise<string> {
    const seen = new Set<string>();
    for (const { Id } of await this.#list('/containers/json?all=1')) {
      if (seen.has(Id[0])) return Id[0];
      seen.add(Id[0]);
    }
    throw new Error('no two containers begin alike');
  }

  #ask(line: string, { type }: Step): Promise<Answer> {
    const [, method = '', path = '', body] = /^(\S+) (\S+)(?: (.*))?$/s.exec(line) ?? [];
    return this.#send(method, encodeURI(path), body, type);
  }

  /** An answer that does not end in time counts as broken off: status -1. */
  #send(method: string, path: string, body?: string | Buffer, type = 'application/json'): Promise<Answer> {
    const headers = body === undefined ? {} : { 'Content-Type': type };
    // As it is, without what URL parsers do to it.
    const url = path.startsWith('/../') ? path.slice(3) : API + path;
    return new Promise((resolve) => {
      const brokenOff = (): void => resolve({ status: -1, type: '', body: '' });
      const ask = request(
        { socketPath: this.#socket, method, path: url, headers, agent: false },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('error', brokenOff);
          response.on('data', (chunk) => {
            text += chunk;
          });
          response.on('end', () => {
            const contentType = response.headers['content-type'] ?? '';
            const content = contentType.includes('json') ? parse(text) : text;
            resolve({ status: response.statusCode ?? -1, type: contentType, body: content });
          });
        },
      );
      ask.setTimeout(10_000, () => {
        brokenOff();
        ask.destroy();
      });
      ask.on('error', brokenOff);
      ask.end(body);
    });
  }

  #command(line: string, { stdin }: Step): Promise<CommandOutcome> {
    const words = splitLine(line, this.#dir);
    const environment = {
      ...process.env,
      DOCKER_HOST: `unix://${this.#socket}`,
      SAMPAN_HOST: `unix://${this.#socket}`,
      HOME: this.#dir,
      TZ: 'UTC',
    };
    const child = spawn(this.#program, words, {
      env: environment,
      cwd: this.#dir,
      timeout: 10_000,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.stdin.on('error', () => {});
    child.stdin.end(stdin ?? '');
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ stdout, stderr, status: code ?? -1 }));
    });
  }
}

/** JSON, or the objects of a stream in a list. */
function parse(text: string): unknown {
  if (text === '') return '';
  try {
    return JSON.parse(text);
  } catch {
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line));
  }
}
