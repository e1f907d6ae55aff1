import { SampanError } from '../../base/errors.ts';
import { type Definition, Operation } from '../protobuf/definition-messages.ts';
import type { Value } from '../protobuf/message.ts';

type Given = Partial<Value<typeof Definition>>;

/** A source, what is copied of it, and the end. */
const MAX_OPERATIONS = 3;
const GIT = 'git://';

/**
 * The address of what a definition stands for, in the form that contexts have: a repository or a file on the web, or a directory of it.
 * `buildx bake` asks so for files of remote projects. Fails with `unimplemented` on every other definition.
 */
export function remoteOf({ operations = [] }: Given): string {
  const decoded = operations.slice(0, MAX_OPERATIONS + 1).map((bytes) => Operation.decode(bytes));
  const [first, ...others] = decoded;
  const actions = others.flatMap(({ file }) => file?.actions ?? []);
  const copy = actions[0]?.copy;
  const isKnown =
    first?.source !== undefined &&
    decoded.length <= MAX_OPERATIONS &&
    others.every(({ source, inputs }) => source === undefined && inputs.length <= 1) &&
    (others.length <= 1 ? copy === undefined : actions.length === 1 && copy?.destination === '/');
  if (!isKnown) throw unsupported();
  const { identifier = '', attributes = {} } = first.source ?? {};
  if (identifier.startsWith(GIT)) return gitAddress(identifier, attributes, copy?.source ?? '');
  const isWeb = /^https?:\/\//.test(identifier) && (copy === undefined || copy.attemptUnpack === true);
  if (isWeb) return identifier;
  throw unsupported();
}

/** "git://host/path#ref:directory", whose transport is in the attributes. */
function gitAddress(
  identifier: string,
  attributes: Readonly<Record<string, string>>,
  copied: string,
): string {
  const [place = '', fragment = ''] = identifier.split('#', 2);
  const [ref = '', directory = ''] = fragment.split(':', 2);
  const parts = [...directory.split('/'), ...copied.split('/')].filter((part) => part !== '' && part !== '.');
  const url = attributes['git.fullurl'] || `https://${place.slice(GIT.length)}`;
  return parts.length === 0 ? `${url}#${ref}` : `${url}#${ref}:${parts.join('/')}`;
}

function unsupported(): SampanError {
  return new SampanError('unimplemented', 'build definitions (LLB) are not supported: only Dockerfiles are');
}
