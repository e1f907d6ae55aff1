import { callFunction, type FunctionTable, TemplateFunctionError } from './functions.ts';
import { type Command, type Node, type Operand, type Pipe, sourceOf } from './nodes.ts';
import type { Tree } from './parser.ts';
import { compareBytes, format, isMap, isTrue, NilPointer, Struct, typeNameOf } from './values.ts';

/** The template met a value that it cannot handle. The message has Go's form. */
export class TemplateExecutionError extends Error {
  override readonly name = 'TemplateExecutionError';
}

export interface ExecuteOptions {
  /** A map's missing key is an error rather than `<no value>`. */
  readonly missingKeyIsError?: boolean;
}

export interface Execution {
  /** What was printed, up to the error if there was one. */
  readonly output: string;
  readonly error: TemplateExecutionError | undefined;
}

export function execute(
  tree: Tree,
  functions: FunctionTable,
  data: unknown,
  options: ExecuteOptions = {},
): Execution {
  const evaluator = new Evaluator(tree, functions, data, options.missingKeyIsError ?? false);
  let error: TemplateExecutionError | undefined;
  try {
    evaluator.walkList(tree.nodes, data);
  } catch (reason) {
    if (!(reason instanceof TemplateExecutionError)) throw reason;
    error = reason;
  }
  return { output: evaluator.output.join(''), error };
}

interface Variable {
  readonly name: string;
  value: unknown;
}

/** Marks an operand that was not given: the first command of a pipeline has no final argument. */
const nothing = Symbol('nothing');
const MAX_STEPS = 1_000_000;

class Evaluator {
  readonly output: string[] = [];
  readonly #tree: Tree;
  readonly #functions: FunctionTable;
  readonly #variables: Variable[];
  readonly #strict: boolean;
  #steps = 0;

  constructor(tree: Tree, functions: FunctionTable, data: unknown, strict: boolean) {
    this.#tree = tree;
    this.#functions = functions;
    this.#variables = [{ name: '$', value: data }];
    this.#strict = strict;
  }

  walkList(nodes: readonly Node[], dot: unknown): 'break' | 'continue' | undefined {
    for (const node of nodes) {
      const jump = this.#walk(node, dot);
      if (jump !== undefined) return jump;
    }
    return undefined;
  }

  #walk(node: Node, dot: unknown): 'break' | 'continue' | undefined {
    if (++this.#steps > MAX_STEPS) throw new TemplateExecutionError('the template does not end');
    switch (node.kind) {
      case 'text':
        this.output.push(node.text);
        return undefined;
      case 'action': {
        const value = this.#pipeline(dot, node.pipe);
        if (node.pipe.variables.length === 0) this.output.push(format(value));
        return undefined;
      }
      case 'if':
      case 'with': {
        const visible = this.#variables.length;
        const value = this.#pipeline(dot, node.pipe);
        const inner = node.kind === 'with' && isTrue(value) ? value : dot;
        const jump = this.walkList(isTrue(value) ? node.body : node.otherwise, inner);
        this.#variables.length = visible;
        return jump;
      }
      case 'range':
        this.#walkRange(node.pipe, node.body, node.otherwise, dot);
        return undefined;
      default:
        return node.kind;
    }
  }

  #walkRange(pipe: Pipe, body: readonly Node[], otherwise: readonly Node[], dot: unknown): void {
    const visible = this.#variables.length;
    const value = this.#pipeline(dot, pipe);
    const entries = this.#entriesOf(value, pipe);
    for (const [key, element] of entries) {
      const mark = this.#variables.length;
      this.#bindRange(pipe, key, element);
      const jump = this.walkList(body, element);
      this.#variables.length = mark;
      if (jump === 'break') break;
    }
    if (entries.length === 0) this.walkList(otherwise, dot);
    this.#variables.length = visible;
  }

  #bindRange(pipe: Pipe, key: unknown, element: unknown): void {
    const [first, second] = pipe.variables;
    const values = second === undefined ? [element] : [key, element];
    for (const [index, name] of [first, second].entries()) {
      if (name === undefined) continue;
      if (pipe.assigns) this.#assign(name, values[index]);
      else this.#variables.push({ name, value: values[index] });
    }
  }

  #entriesOf(value: unknown, pipe: Pipe): readonly (readonly [unknown, unknown])[] {
    if (Array.isArray(value)) return value.map((element, index) => [index, element] as const);
    if (isMap(value))
      return Object.keys(value)
        .sort(compareBytes)
        .map((key) => [key, value[key]] as const);
    if (value === undefined || value === null) return [];
    if (typeof value === 'number') {
      return Array.from({ length: Math.min(value, MAX_STEPS) }, (_, index) => [index, index] as const);
    }
    throw this.#error(pipe, `range can't iterate over ${format(value)}`);
  }

  #pipeline(dot: unknown, pipe: Pipe): unknown {
    let value: unknown = nothing;
    for (const command of pipe.commands) {
      value = this.#command(dot, command, value);
      // Go unwraps an empty interface here; a nil one leaves no value at all.
      if (value === null) value = undefined;
    }
    if (pipe.variables.length > 0) {
      for (const name of pipe.variables) {
        if (pipe.assigns) this.#assign(name, value);
        else this.#variables.push({ name, value });
      }
    }
    return value;
  }

  #assign(name: string, value: unknown): void {
    const variable = this.#variables.findLast((one) => one.name === name);
    if (variable !== undefined) variable.value = value;
  }

  #command(dot: unknown, command: Command, final: unknown): unknown {
    const [first, ...rest] = command.operands;
    if (first === undefined) return undefined;
    switch (first.kind) {
      case 'field':
        return this.#fields(dot, dot, first, first.names, rest, final);
      case 'chain':
        return this.#fields(dot, this.#operand(dot, first.base), first, first.names, rest, final);
      case 'variable':
        return this.#fields(dot, this.#variable(first.name), first, first.names, rest, final);
      case 'function':
        return this.#call(dot, command, first, rest, final);
      default:
        if (rest.length > 0 || final !== nothing) {
          throw this.#error(first, `can't give argument to non-function ${sourceOf(first)}`);
        }
        if (first.kind === 'nil') throw this.#error(first, 'nil is not a command');
        return this.#operand(dot, first);
    }
  }

  #operand(dot: unknown, node: Operand): unknown {
    switch (node.kind) {
      case 'dot':
        return dot;
      case 'nil':
        return null;
      case 'constant':
        return node.value;
      case 'pipe':
        return this.#pipeline(dot, node);
      case 'field':
        return this.#fields(dot, dot, node, node.names, [], nothing);
      case 'chain':
        return this.#fields(dot, this.#operand(dot, node.base), node, node.names, [], nothing);
      case 'variable':
        return this.#fields(dot, this.#variable(node.name), node, node.names, [], nothing);
      case 'function':
        return this.#call(dot, { kind: 'command', at: node.at, operands: [node] }, node, [], nothing);
    }
  }

  #variable(name: string): unknown {
    return this.#variables.findLast((one) => one.name === name)?.value;
  }

  /** `receiver.a.b.c`; only the last may be a method with arguments. */
  #fields(
    dot: unknown,
    receiver: unknown,
    node: Operand,
    names: readonly string[],
    rest: readonly Operand[],
    final: unknown,
  ): unknown {
    let value = receiver;
    for (const [index, name] of names.entries()) {
      const isLast = index === names.length - 1;
      const parameters = isLast ? rest.map((operand) => this.#operand(dot, operand)) : [];
      if (isLast && final !== nothing) parameters.push(final);
      value = this.#field(value, name, node, parameters);
    }
    if (names.length === 0 && (rest.length > 0 || final !== nothing)) {
      throw this.#error(node, `can't give argument to non-function ${sourceOf(node)}`);
    }
    return value;
  }

  #field(receiver: unknown, name: string, node: Operand, parameters: readonly unknown[]): unknown {
    if (receiver === undefined) {
      if (this.#strict) throw this.#error(node, `nil data; no entry for key ${JSON.stringify(name)}`);
      return undefined;
    }
    if (receiver === null) throw this.#error(node, `nil pointer evaluating interface {}.${name}`);
    if (receiver instanceof NilPointer) {
      throw this.#error(node, `nil pointer evaluating ${receiver.typeName}.${name}`);
    }
    if (receiver instanceof Struct) {
      if (!receiver.members.has(name)) {
        throw this.#error(node, `can't evaluate field ${name} in type ${receiver.typeName}`);
      }
      return this.#member(receiver.members.get(name), name, node, parameters);
    }
    if (isMap(receiver)) {
      if (Object.hasOwn(receiver, name)) return this.#member(receiver[name], name, node, parameters);
      if (this.#strict) throw this.#error(node, `map has no entry for key ${JSON.stringify(name)}`);
      return undefined;
    }
    const typeName = this.#strict ? 'interface {}' : typeNameOf(receiver);
    throw this.#error(node, `can't evaluate field ${name} in type ${typeName}`);
  }

  #member(member: unknown, name: string, node: Operand, parameters: readonly unknown[]): unknown {
    if (typeof member !== 'function') {
      if (parameters.length > 0) {
        throw this.#error(node, `${name} has arguments but cannot be invoked as function`);
      }
      return member;
    }
    if (parameters.length !== member.length) {
      throw this.#error(
        node,
        `wrong number of args for ${name}: want ${member.length} got ${parameters.length}`,
      );
    }
    return member(...parameters.map(format));
  }

  #call(
    dot: unknown,
    command: Command,
    node: Operand & { readonly kind: 'function' },
    rest: readonly Operand[],
    final: unknown,
  ): unknown {
    if (node.name === 'and' || node.name === 'or') return this.#shortCircuit(dot, node, rest, final);
    const parameters = rest.map((operand) => this.#operand(dot, operand));
    if (final !== nothing) parameters.push(final);
    try {
      return callFunction(this.#functions, node.name, parameters);
    } catch (reason) {
      if (!(reason instanceof TemplateFunctionError)) throw reason;
      if (reason.stage === 'arity') throw this.#error(node, reason.message);
      if (reason.stage === 'argument') {
        const operand = rest[reason.index];
        const expected = reason.expected === 'int' ? 'integer' : reason.expected;
        const message =
          operand?.kind === 'constant' ? `expected ${expected}; found ${operand.source}` : reason.message;
        throw this.#error(operand ?? node, message);
      }
      throw this.#error(command, `error calling ${node.name}: ${reason.message}`);
    }
  }

  #shortCircuit(
    dot: unknown,
    node: Operand & { readonly kind: 'function' },
    rest: readonly Operand[],
    final: unknown,
  ): unknown {
    if (rest.length === 0 && final === nothing) {
      throw this.#error(node, `wrong number of args for ${node.name}: want at least 1 got 0`);
    }
    let value: unknown;
    for (const operand of rest) {
      value = this.#operand(dot, operand);
      if (isTrue(value) === (node.name === 'or')) return value;
    }
    return final === nothing ? value : final;
  }

  #error(node: Operand | Command, message: string): TemplateExecutionError {
    const before = this.#tree.source.slice(0, node.at);
    const line = before.split('\n').length;
    const column = Buffer.byteLength(before.slice(before.lastIndexOf('\n') + 1));
    const { name } = this.#tree;
    return new TemplateExecutionError(
      `template: ${name}:${line}:${column}: executing ${JSON.stringify(name)} at <${sourceOf(node)}>: ${message}`,
    );
  }
}
