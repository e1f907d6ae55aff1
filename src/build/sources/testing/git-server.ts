import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface GitServerOptions {
  /** 0 for any. */
  readonly port: number;
  /** What else there is, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Repositories on loopback, served by git's own CGI program over HTTP. */
export class GitServer implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'sampan-git-server-'));
  readonly url: string;
  /** "authorization" headers that were seen. */
  readonly authorizations: string[] = [];
  /** How often files were fetched. */
  fetches = 0;
  readonly #server: { stop(force: boolean): unknown };

  constructor({ port, files }: GitServerOptions = { port: 0, files: new Map() }) {
    const fetch = (request: Request): Response | Promise<Response> => {
      const file = files.get(new URL(request.url).pathname);
      return file === undefined ? this.#answer(request) : new Response(Buffer.from(file));
    };
    const server = Bun.serve({ port, hostname: '127.0.0.1', fetch });
    this.url = `http://127.0.0.1:${server.port}`;
    this.#server = server;
  }

  /** A repository that a script makes in its work tree; its address. */
  repository(name: string, script: string): string {
    const path = join(this.root, name);
    mkdirSync(path);
    const author =
      '-c user.name=a -c user.email=a@b -c init.defaultBranch=main -c protocol.file.allow=always';
    const result = Bun.spawnSync(
      ['sh', '-ec', `git() { command git ${author} "$@"; }; git init -q .; ${script}`],
      {
        cwd: path,
        env: {
          PATH: process.env['PATH'] ?? '',
          HOME: '/nonexistent',
          GIT_CONFIG_NOSYSTEM: '1',
          GIT_COMMITTER_DATE: '@1000000000 +0000',
          GIT_AUTHOR_DATE: '@1000000000 +0000',
        },
      },
    );
    if (!result.success) throw new Error(result.stderr.toString());
    return `${this.url}/${name}/.git`;
  }

  /** What git says of a repository. */
  ask(name: string, ...args: string[]): string {
    return Bun.spawnSync(['git', ...args], { cwd: join(this.root, name) })
      .stdout.toString()
      .trim();
  }

  [Symbol.dispose](): void {
    this.#server.stop(true);
    rmSync(this.root, { recursive: true });
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const authorization = request.headers.get('authorization');
    if (authorization !== null) this.authorizations.push(authorization);
    const sent = Buffer.from(await request.arrayBuffer());
    const body =
      request.headers.get('content-encoding') === 'gzip' ? Buffer.from(Bun.gunzipSync(sent)) : sent;
    if (body.includes('command=fetch')) this.fetches++;
    const result = Bun.spawnSync(
      ['git', '-c', 'safe.directory=*', '-c', 'uploadpack.allowReachableSHA1InWant=true', 'http-backend'],
      {
        stdin: body,
        env: {
          ...{ PATH: process.env['PATH'] ?? '', GIT_PROJECT_ROOT: this.root, GIT_HTTP_EXPORT_ALL: '1' },
          ...{ PATH_INFO: url.pathname, QUERY_STRING: url.search.slice(1), REQUEST_METHOD: request.method },
          ...{
            CONTENT_TYPE: request.headers.get('content-type') ?? '',
            GIT_PROTOCOL: request.headers.get('git-protocol') ?? '',
          },
        },
      },
    );
    const output = Buffer.from(result.stdout);
    const end = output.indexOf('\r\n\r\n');
    const headers = new Headers(
      output
        .toString('latin1', 0, Math.max(0, end))
        .split('\r\n')
        .map((line): [string, string] => {
          const colon = line.indexOf(':');
          return [line.slice(0, colon), line.slice(colon + 1).trim()];
        }),
    );
    const status = Number.parseInt(headers.get('status') ?? '200', 10);
    headers.delete('status');
    return new Response(output.subarray(end + 4), { status, headers });
  }
}
