import { expect, test } from 'bun:test';
import { background } from '../../base/context.ts';
import type { FileTree } from '../../build/file-tree.ts';
import { digestOf } from '../../oci/digest.ts';
import { RemoteFiles } from './remote-files.ts';

/** Files at the root of what an address stands for. */
function treeOf(names: readonly string[]): FileTree {
  return {
    digest: digestOf('tree'),
    stat: async () => undefined,
    names: async () => names,
    async *list() {},
    async *read() {},
  };
}

test("an archive is refused by its address without the client's password", async () => {
  using files = new RemoteFiles();
  const builder = { openTree: async () => ({ tree: treeOf(['a', 'b']), [Symbol.dispose]() {} }) };
  const opening = files.open(background(), builder, 'https://me:secret@files.example/context.tar?v=1');
  await expect(opening).rejects.toMatchObject({
    code: 'unimplemented',
    message: 'https://files.example/context.tar?v=1 is an archive: name a repository or a file instead',
  });
});
