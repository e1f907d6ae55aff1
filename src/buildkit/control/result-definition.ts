import { digestOf } from '../../oci/digest.ts';
import { type Definition, Operation } from '../protobuf/definition-messages.ts';
import type { Value } from '../protobuf/message.ts';

/**
 * What one build made, for another one to begin with: `buildx bake` takes it from the first one's result and hands it to the second one as
 * an input. To clients it is a definition of one source, which only we can read.
 */
export interface ResultReference {
  /** The client's name for the build. */
  readonly build: string;
  /** Of the build's images, counted from 0. */
  readonly image: number;
}

const SCHEME = 'sampan-result://';

export function resultDefinition({ build, image }: ResultReference): Partial<Value<typeof Definition>> {
  const source = Operation.encode({ source: { identifier: `${SCHEME}${image}/${build}` } });
  const digest = digestOf(source);
  const end = Operation.encode({ inputs: [{ digest }] });
  return { operations: [source, end], metadata: { [digest]: {}, [digestOf(end)]: {} } };
}

/** Undefined for any other definition. Fails with `invalid-argument` where it is none. */
export function referenceIn({
  operations = [],
}: Partial<Value<typeof Definition>>): ResultReference | undefined {
  const [first] = operations;
  if (first === undefined || operations.length > 2) return undefined;
  const { identifier = '' } = Operation.decode(first).source ?? {};
  const [, image, build] = /^sampan-result:\/\/(\d{1,4})\/(.+)$/s.exec(identifier) ?? [];
  return build === undefined ? undefined : { build, image: Number(image) };
}
