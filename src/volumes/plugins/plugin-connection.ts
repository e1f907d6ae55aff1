import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Context } from '../../base/context.ts';
import { messageOf, SampanError } from '../../base/errors.ts';
import { fieldsOf, type PluginAddress } from './discover.ts';

/** Bytes of an answer; a list of ten thousand volumes is far below. */
const ANSWER_LIMIT = 4 * 1024 * 1024;
const MEDIA_TYPE = 'application/vnd.docker.plugins.v1.2+json';

/** One question to a plugin. Nothing that it answers is believed before it is looked at. */
export class PluginConnection {
  readonly #address: PluginAddress;

  constructor(address: PluginAddress) {
    this.#address = address;
  }

  /**
   * The fields of the answer. Fails with `internal` in Docker's words when the plugin says that it failed, with `unavailable` when it
   * does not answer within `seconds` or answers what nobody understands.
   */
  async call(
    context: Context,
    method: string,
    body: unknown,
    seconds: number,
  ): Promise<Readonly<Record<string, unknown>>> {
    const { status, text } = await this.#post(context, method, JSON.stringify(body), seconds);
    const fields = parse(text);
    const said = typeof fields?.['Err'] === 'string' ? fields['Err'].slice(0, 4096) : '';
    if (status !== 200) {
      throw new SampanError(
        'internal',
        `${method}: ${said || text.slice(0, 4096).trim() || `status ${status}`}`,
      );
    }
    if (fields === undefined)
      throw unavailable(method, 'the plugin answered with something that is not JSON');
    if (said !== '') throw new SampanError('internal', said);
    return fields;
  }

  #post(
    context: Context,
    method: string,
    body: string,
    seconds: number,
  ): Promise<{ readonly status: number; readonly text: string }> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        sent.destroy();
        reject(error instanceof SampanError ? error : unavailable(method, messageOf(error)));
      };
      const timer = setTimeout(
        () => fail(unavailable(method, `the plugin did not answer within ${seconds} s`)),
        seconds * 1000,
      );
      const abort = (): void => fail(context.signal.reason);
      context.signal.addEventListener('abort', abort);
      const sent = this.#request(method, (answer) => {
        collect(answer).then((text) => resolve({ status: answer.statusCode ?? 0, text }), fail);
      });
      sent.on('error', fail);
      sent.on('close', () => {
        clearTimeout(timer);
        context.signal.removeEventListener('abort', abort);
      });
      sent.end(body);
    });
  }

  #request(method: string, onAnswer: (answer: IncomingMessage) => void) {
    const common: RequestOptions = {
      method: 'POST',
      path: `/${method}`,
      headers: { 'Content-Type': MEDIA_TYPE, Accept: MEDIA_TYPE, Host: 'plugin' },
      agent: false,
    };
    const address = this.#address;
    if (address.kind === 'unix') return httpRequest({ ...common, socketPath: address.path }, onAnswer);
    const { host, port, tls } = address;
    if (tls === undefined) return httpRequest({ ...common, host, port }, onAnswer);
    const pem = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path));
    const secure = {
      ca: pem(tls.ca),
      cert: pem(tls.cert),
      key: pem(tls.key),
      rejectUnauthorized: tls.verify,
    };
    return httpsRequest({ ...common, host, port, ...secure }, onAnswer);
  }
}

async function collect(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    size += chunk.length;
    if (size > ANSWER_LIMIT) throw new Error(`the plugin's answer is larger than ${ANSWER_LIMIT} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The fields of an object; undefined for anything else, but an empty answer has none. */
function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? fieldsOf(value) : undefined;
  } catch {
    return undefined;
  }
}

function unavailable(method: string, reason: string): SampanError {
  return new SampanError('unavailable', `${method}: ${reason}`);
}
