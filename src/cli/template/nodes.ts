/** The tree that a template is parsed into. `at` is the offset that Go's error messages count from. */

export type Node = TextNode | ActionNode | BranchNode | RangeNode | JumpNode;

interface TextNode {
  readonly kind: 'text';
  readonly text: string;
}

interface ActionNode {
  readonly kind: 'action';
  readonly pipe: Pipe;
}

interface BranchNode {
  readonly kind: 'if' | 'with';
  readonly pipe: Pipe;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

interface RangeNode {
  readonly kind: 'range';
  readonly pipe: Pipe;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

interface JumpNode {
  readonly kind: 'break' | 'continue';
}

export interface Pipe {
  readonly kind: 'pipe';
  readonly at: number;
  readonly variables: readonly string[];
  /** `$x = …` rather than `$x := …`. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
}

export interface Command {
  readonly kind: 'command';
  readonly at: number;
  readonly operands: readonly Operand[];
}

export type Operand =
  | { readonly kind: 'dot'; readonly at: number }
  | { readonly kind: 'nil'; readonly at: number }
  | { readonly kind: 'field'; readonly at: number; readonly names: readonly string[] }
  | {
      readonly kind: 'variable';
      readonly at: number;
      readonly name: string;
      readonly names: readonly string[];
    }
  | { readonly kind: 'chain'; readonly at: number; readonly base: Operand; readonly names: readonly string[] }
  | { readonly kind: 'function'; readonly at: number; readonly name: string }
  | { readonly kind: 'constant'; readonly at: number; readonly value: unknown; readonly source: string }
  | Pipe;

/** The source text that Go prints for a node in its error messages. */
export function sourceOf(node: Operand | Command): string {
  switch (node.kind) {
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
    case 'field':
      return dotted(node.names);
    case 'variable':
      return node.name + dotted(node.names);
    case 'chain':
      return (
        (node.base.kind === 'pipe' ? `(${sourceOf(node.base)})` : sourceOf(node.base)) + dotted(node.names)
      );
    case 'function':
      return node.name;
    case 'constant':
      return node.source;
    case 'command':
      return node.operands
        .map((operand) => (operand.kind === 'pipe' ? `(${sourceOf(operand)})` : sourceOf(operand)))
        .join(' ');
    case 'pipe': {
      const declared =
        node.variables.length === 0 ? '' : `${node.variables.join(', ')} ${node.assigns ? '=' : ':='} `;
      return declared + node.commands.map(sourceOf).join(' | ');
    }
  }
}

function dotted(names: readonly string[]): string {
  return names.map((name) => `.${name}`).join('');
}
