import { parseConstant } from './constants.ts';
import { syntaxError, type Token, type TokenKind, tokenize } from './lexer.ts';
import type { Command, Node, Operand, Pipe } from './nodes.ts';

export interface Tree {
  readonly name: string;
  readonly source: string;
  readonly nodes: readonly Node[];
}

/** Throws TemplateSyntaxError. `knows` tells which functions exist: calling another is an error of the template. */
export function parseTemplate(name: string, source: string, knows: (name: string) => boolean): Tree {
  return new Parser(name, source, knows).parse();
}

const MAX_DEPTH = 100;

class Parser {
  readonly #name: string;
  readonly #source: string;
  readonly #knows: (name: string) => boolean;
  readonly #tokens: readonly Token[];
  #position = 0;
  #variables: string[] = ['$'];
  #loops = 0;
  #depth = 0;

  constructor(name: string, source: string, knows: (name: string) => boolean) {
    this.#name = name;
    this.#source = source;
    this.#knows = knows;
    this.#tokens = tokenize(name, source);
  }

  parse(): Tree {
    const { nodes, stop } = this.#parseList();
    if (stop !== 'EOF') throw this.#error(`unexpected {{${stop}}}`);
    return { name: this.#name, source: this.#source, nodes };
  }

  /** Nodes up to the end, or up to `{{end}}` or `{{else`, whose word is read and returned. */
  #parseList(): { nodes: Node[]; stop: 'EOF' | 'end' | 'else' } {
    const nodes: Node[] = [];
    for (;;) {
      const token = this.#next();
      if (token.kind === 'end') return { nodes, stop: 'EOF' };
      if (token.kind === 'text') {
        nodes.push({ kind: 'text', text: token.text });
        continue;
      }
      const word = this.#skipSpace();
      if (word.kind !== 'keyword') {
        nodes.push({ kind: 'action', pipe: this.#parsePipe('command', 'right') });
        continue;
      }
      this.#next();
      if (word.text === 'end') {
        this.#expectRight('end');
        return { nodes, stop: 'end' };
      }
      if (word.text === 'else') return { nodes, stop: 'else' };
      nodes.push(this.#parseControl(word.text));
    }
  }

  #parseControl(word: string): Node {
    switch (word) {
      case 'if':
      case 'with':
      case 'range':
        return this.#parseBranch(word);
      case 'break':
      case 'continue':
        if (this.#loops === 0) throw this.#error(`{{${word}}} outside {{range}}`);
        this.#expectRight(`{{${word}}}`);
        return { kind: word };
      default:
        throw this.#error(`unexpected {{${word}}}`);
    }
  }

  #parseBranch(kind: 'if' | 'with' | 'range'): Node {
    if (++this.#depth > MAX_DEPTH) throw this.#error('the template is nested too deeply');
    const visible = this.#variables.length;
    const pipe = this.#parsePipe(kind, 'right');
    if (kind === 'range') this.#loops++;
    const body = this.#parseList();
    if (kind === 'range') this.#loops--;
    let otherwise: readonly Node[] = [];
    if (body.stop === 'else') otherwise = this.#parseElse(kind);
    else if (body.stop === 'EOF') throw this.#error('unexpected EOF');
    this.#variables.length = visible;
    this.#depth--;
    return { kind, pipe, body: body.nodes, otherwise };
  }

  #parseElse(kind: 'if' | 'with' | 'range'): readonly Node[] {
    const word = this.#skipSpace();
    if (word.kind === 'keyword' && word.text === kind && kind !== 'range') {
      this.#next();
      return [this.#parseBranch(kind)];
    }
    this.#expectRight('else');
    const { nodes, stop } = this.#parseList();
    if (stop === 'else') throw this.#error('expected end; found {{else}}');
    if (stop === 'EOF') throw this.#error('unexpected EOF');
    return nodes;
  }

  #expectRight(context: string): void {
    const token = this.#skipSpace();
    if (token.kind !== 'right') throw this.#unexpected(token, context);
    this.#next();
  }

  #parsePipe(context: string, end: TokenKind): Pipe {
    if (++this.#depth > MAX_DEPTH) throw this.#error('the template is nested too deeply');
    const { at } = this.#skipSpace();
    const { variables, assigns } = this.#parseDeclaration(context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.#skipSpace();
      if (token.kind === end) {
        this.#next();
        this.#checkPipe(commands, context);
        this.#depth--;
        return { kind: 'pipe', at, variables, assigns, commands };
      }
      if (!startsOperand(token)) throw this.#unexpected(token, context);
      commands.push(this.#parseCommand());
    }
  }

  #checkPipe(commands: readonly Command[], context: string): void {
    if (commands.length === 0) throw this.#error(`missing value for ${context}`);
    for (const [index, command] of commands.entries()) {
      const first = command.operands[0];
      if (index > 0 && (first?.kind === 'constant' || first?.kind === 'dot' || first?.kind === 'nil')) {
        throw this.#error(`non executable command in pipeline stage ${index + 1}`);
      }
    }
  }

  /** `$x :=`, `$x =` or, for range, `$index, $element :=`. */
  #parseDeclaration(context: string): { variables: string[]; assigns: boolean } {
    const start = this.#position;
    const variables: string[] = [];
    while (this.#skipSpace().kind === 'variable' && variables.length < 2) {
      variables.push(this.#next().text);
      const after = this.#skipSpace();
      if (after.kind === 'declare' || after.kind === 'assign') {
        this.#next();
        if (variables.length === 2 && context !== 'range')
          throw this.#error(`too many declarations in ${context}`);
        if (after.kind === 'declare') this.#variables.push(...variables);
        return { variables, assigns: after.kind === 'assign' };
      }
      if (after.kind !== 'comma') break;
      if (context !== 'range') throw this.#error(`too many declarations in ${context}`);
      this.#next();
    }
    this.#position = start;
    return { variables: [], assigns: false };
  }

  #parseCommand(): Command {
    const { at } = this.#skipSpace();
    const operands: Operand[] = [];
    for (;;) {
      this.#skipSpace();
      const operand = this.#parseOperand();
      if (operand !== undefined) operands.push(operand);
      const token = this.#peek();
      if (token.kind === 'space') {
        this.#next();
        continue;
      }
      if (token.kind === 'pipe') this.#next();
      else if (token.kind !== 'right' && token.kind !== 'rightParen') {
        throw this.#unexpected(token, 'operand');
      }
      break;
    }
    if (operands.length === 0) throw this.#error('empty command');
    return { kind: 'command', at, operands };
  }

  #parseOperand(): Operand | undefined {
    const term = this.#parseTerm();
    if (term === undefined || this.#peek().kind !== 'field') return term;
    const { at } = this.#peek();
    const names: string[] = [];
    while (this.#peek().kind === 'field') names.push(this.#next().text.slice(1));
    if (term.kind === 'field') return { ...term, at, names: [...term.names, ...names] };
    if (term.kind === 'variable') return { ...term, at, names: [...term.names, ...names] };
    if (term.kind === 'constant' || term.kind === 'nil' || term.kind === 'dot') {
      throw this.#error(
        `unexpected . after term ${JSON.stringify(term.kind === 'constant' ? term.source : '.')}`,
      );
    }
    return { kind: 'chain', at, base: term, names };
  }

  #parseTerm(): Operand | undefined {
    const token = this.#peek();
    const { at, text } = token;
    switch (token.kind) {
      case 'identifier':
        this.#next();
        if (!this.#knows(text)) throw this.#error(`function ${JSON.stringify(text)} not defined`);
        return { kind: 'function', at, name: text };
      case 'dot':
        this.#next();
        return { kind: 'dot', at };
      case 'nil':
        this.#next();
        return { kind: 'nil', at };
      case 'variable':
        this.#next();
        if (!this.#variables.includes(text)) throw this.#error(`undefined variable ${JSON.stringify(text)}`);
        return { kind: 'variable', at, name: text, names: [] };
      case 'field':
        this.#next();
        return { kind: 'field', at, names: [text.slice(1)] };
      case 'boolean':
      case 'number':
      case 'string':
      case 'rawString':
      case 'character': {
        this.#next();
        const value = parseConstant(token);
        if (value === undefined) throw this.#error(`bad number syntax: ${JSON.stringify(text)}`);
        return { kind: 'constant', at, value, source: text };
      }
      case 'leftParen':
        this.#next();
        return this.#parsePipe('parenthesized pipeline', 'rightParen');
      default:
        return undefined;
    }
  }

  #peek(): Token {
    const token = this.#tokens[this.#position];
    if (token === undefined) throw this.#error('unexpected EOF');
    return token;
  }

  #next(): Token {
    const token = this.#peek();
    this.#position++;
    return token;
  }

  #skipSpace(): Token {
    while (this.#peek().kind === 'space') this.#position++;
    return this.#peek();
  }

  #unexpected(token: Token, context: string): Error {
    if (token.kind === 'keyword') return this.#error(`unexpected <${token.text}> in ${context}`);
    return this.#error(
      `unexpected ${token.kind === 'end' ? 'EOF' : JSON.stringify(token.text)} in ${context}`,
    );
  }

  #error(message: string): Error {
    const token = this.#tokens[Math.min(this.#position, this.#tokens.length - 1)];
    return syntaxError(this.#name, this.#source, token?.at ?? 0, message);
  }
}

function startsOperand(token: Token): boolean {
  switch (token.kind) {
    case 'identifier':
    case 'dot':
    case 'nil':
    case 'variable':
    case 'field':
    case 'boolean':
    case 'number':
    case 'string':
    case 'rawString':
    case 'character':
    case 'leftParen':
      return true;
    default:
      return false;
  }
}
