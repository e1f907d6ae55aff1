import { notFound } from '../../base/errors.ts';
import type { ClientDirectories } from '../../build/contract.ts';

/** One directory, "known", which offers one text for every blob, and swallows what it is given. */
export function fakeDirectories(calls: unknown[]): ClientDirectories {
  const check = (id: string): void => {
    if (id !== 'known') throw notFound(`no directory of a client has the ID ${JSON.stringify(id)}`);
  };
  return {
    add(blobs) {
      calls.push(['addDirectory', [...blobs]]);
      return 'known';
    },
    use(id, tell) {
      check(id);
      calls.push(['useDirectory', id, tell]);
      const directory = {
        size: async () => undefined,
        async *read() {},
        write: async () => {},
        finish: async () => {},
      };
      return { directory, [Symbol.dispose]: () => void calls.push(['forgetDirectory']) };
    },
    async give(_context, id, digest, bytes) {
      check(id);
      calls.push(['giveBlob', digest, Buffer.concat(await Array.fromAsync(bytes)).toString()]);
    },
    async *take(_context, id) {
      check(id);
      yield Buffer.from('what is offered');
    },
  };
}
