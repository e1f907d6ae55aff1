import type { Directives } from './directives.ts';
import { DockerfileError, type Lines } from './errors.ts';
import type { ArgInstruction, FromInstruction, Instruction } from './instructions.ts';
import { readInstruction } from './read-instruction.ts';
import { readStatements, type Statement } from './statements.ts';

/** A Dockerfile as it is written: nothing is expanded, nothing resolved. */
export interface Dockerfile {
  readonly directives: Directives;
  /** ARG before the first FROM. */
  readonly globals: readonly ArgInstruction[];
  readonly stages: readonly Stage[];
  readonly statements: readonly Statement[];
  readonly emptyContinuations: readonly Lines[];
}

export interface Stage {
  readonly from: FromInstruction;
  readonly instructions: readonly Exclude<Instruction, FromInstruction>[];
}

/** Reads a Dockerfile. Fails with DockerfileError, which says where. */
export function readDockerfile(text: string): Dockerfile {
  const { directives, statements, emptyContinuations } = readStatements(text);
  const globals: ArgInstruction[] = [];
  const stages: { from: FromInstruction; instructions: Exclude<Instruction, FromInstruction>[] }[] = [];
  for (const statement of statements) {
    const instruction = readInstruction(statement, directives.escape);
    const stage = stages.at(-1);
    if (instruction.kind === 'from') stages.push({ from: instruction, instructions: [] });
    else if (stage !== undefined) stage.instructions.push(instruction);
    else if (instruction.kind === 'arg') globals.push(instruction);
    else throw new DockerfileError('no build stage in current context', statement.lines, 'meaning');
  }
  if (stages.length === 0) throw new DockerfileError('dockerfile contains no stages to build');
  return { directives, globals, stages, statements, emptyContinuations };
}
