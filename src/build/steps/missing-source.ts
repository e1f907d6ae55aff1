import { notFound, type SampanError } from '../../base/errors.ts';
import type { Vertex } from '../definition/vertex.ts';

/** That an input has nothing at a path, in BuildKit's words, which name the input in a way of its own. */
export function missingSource({ inputs }: Vertex, input: number, path: string): SampanError {
  const reference = inputs[input]?.digest.slice('sha256:'.length, 'sha256:'.length + 25) ?? '';
  return notFound(
    `failed to compute cache key: failed to calculate checksum of ref ${reference}: ${JSON.stringify(path)}: not found`,
  );
}
