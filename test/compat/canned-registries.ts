import type { Answer, RecordedRequest } from './fake-daemon.ts';

/** What dockerd 28 answers about registries. */

const headers = { 'Content-Type': 'application/json' };
const failure = (status: number, message: string): Answer => ({ status, body: { message } });

export function registryAnswer(request: RecordedRequest): Answer | undefined {
  const [path = '', query = ''] = request.target.split('?');
  if (path === '/auth') return authenticate(request.body as { username: string; password: string });
  if (path === '/images/search') return search(query);
  return path.endsWith('/push') ? push(path) : undefined;
}

function authenticate({ username, password }: { username: string; password: string }): Answer {
  if (password === 'wrong') {
    return failure(401, 'Get "https://registry.example:5000/v2/": unauthorized: authentication required');
  }
  if (password === 'down') return failure(500, 'Get "https://registry.example:5000/v2/": connection refused');
  return { body: { IdentityToken: username === 'token' ? 'id-token' : '', Status: 'Login Succeeded' } };
}

function search(query: string): Answer {
  if (query.includes('limit=101')) return failure(400, 'limit 101 is outside the range of [1, 100]');
  if (query.includes('foo')) return failure(400, 'invalid filter');
  if (query.includes('nothing')) return { body: [] };
  return {
    body: [
      {
        star_count: 21_000,
        is_official: true,
        name: 'web',
        is_automated: false,
        description: 'Serves pages <fast> & well,\nfrom files and from other servers, over all protocols',
      },
      { star_count: 0, is_official: false, name: 'team/web', is_automated: false, description: '' },
      { star_count: 3, is_official: false, name: 'x/y', is_automated: false, description: '世界'.repeat(15) },
    ],
  };
}

function push(path: string): Answer {
  if (path.includes('nosuch')) return failure(404, 'An image does not exist locally with the tag: nosuch');
  const refers = { status: 'The push refers to repository [docker.io/library/web]' };
  if (path.includes('inband')) {
    const error = 'denied: requested access to the resource is denied';
    return { body: progress([refers, { errorDetail: { message: error }, error }]), headers };
  }
  const id = '0123456789ab';
  const digest = `sha256:${'22'.repeat(32)}`;
  return {
    body: progress([
      refers,
      { status: 'Preparing', progressDetail: {}, id },
      { status: 'Pushing', progressDetail: { current: 512, total: 1000 }, progress: '[=>] 512B/1kB', id },
      { status: 'Pushing', progressDetail: { current: 1024 }, progress: '1.024kB', id },
      { status: 'Pushed', progressDetail: {}, id },
      { status: `latest: digest: ${digest} size: 527` },
      { progressDetail: {}, aux: { Tag: 'latest', Digest: digest, Size: 527 } },
    ]),
    headers,
  };
}

function progress(messages: readonly unknown[]): string {
  return messages.map((message) => `${JSON.stringify(message)}\r\n`).join('');
}
