import type { Vertex } from '../../definition/vertex.ts';
import type { Solution } from '../../solver/solve.ts';
import type { CacheStep } from './cache-config.ts';

/** What a build has made for one platform. */
export interface SolvedBuild {
  readonly root: Vertex;
  /** All that the root needs, in the order of the Dockerfile. */
  readonly vertices: readonly Vertex[];
  readonly solution: (vertex: Vertex) => Promise<Solution>;
}

/** The steps of a build that a cache in that mode has: all, or those whose layers the root has. */
export async function exportedSteps(
  { root, vertices, solution }: SolvedBuild,
  mode: 'min' | 'max',
): Promise<CacheStep[]> {
  const chosen = mode === 'max' ? vertices : belowFirst(root);
  const steps: CacheStep[] = [];
  for (const vertex of chosen) {
    const { key, quickKey, made, created } = await solution(vertex);
    if (key === undefined) continue;
    const inputs = await Promise.all(vertex.inputs.map(solution));
    const parents = inputs.flatMap((input) => input.key ?? []);
    const step = { key, parents, layers: made, created };
    steps.push(step);
    // Whoever reads the cache need not have what the other key is found out by.
    if (quickKey !== undefined) steps.push({ ...step, key: quickKey });
  }
  return steps;
}

/** The vertices whose layers lie one on top of the other, the lowest first. */
function belowFirst(root: Vertex): Vertex[] {
  const chain: Vertex[] = [];
  for (let vertex: Vertex | undefined = root; vertex !== undefined; vertex = vertex.inputs[0]) {
    chain.unshift(vertex);
  }
  return chain;
}
