import type { Vertex } from '../definition/vertex.ts';

/** Numbers the inputs of a vertex, each once. */
export class Inputs {
  readonly list: Vertex[];

  constructor(root: Vertex) {
    this.list = [root];
  }

  add(vertex: Vertex): number {
    const known = this.list.indexOf(vertex, 1);
    return known > 0 ? known : this.list.push(vertex) - 1;
  }
}
