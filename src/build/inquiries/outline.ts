import { ownValue } from '../../base/own-value.ts';
import type { Dockerfile, Stage } from '../../dockerfile/dockerfile.ts';
import { at, type Lines } from '../../dockerfile/errors.ts';
import { expand } from '../../dockerfile/expansion.ts';
import type { BuildRequest, Inquiry } from '../contract.ts';
import { readMount } from '../frontend/run-mounts.ts';
import { columns } from './columns.ts';
import { descriptionOf, locationOf } from './comments.ts';

interface Parameter {
  readonly name: string;
  readonly lines: Lines;
}

interface Argument extends Parameter {
  readonly value: string;
  readonly description: string;
}

interface Wanted extends Parameter {
  readonly required: boolean;
}

export interface OutlineOptions extends Pick<BuildRequest, 'args'> {
  /** Arguments before the first FROM, with those that say the platform. */
  readonly globals: ReadonlyMap<string, string | undefined>;
  /** The stages that the target needs, itself last. */
  readonly needed: readonly Stage[];
}

/** What a build of a target can be given: arguments, secrets and agents. Fails with DockerfileError. */
export function describeOutline(file: Dockerfile, source: string, options: OutlineOptions): Inquiry {
  const outline = new Outline(file, options);
  // A later stage's word about a name counts.
  for (const stage of options.needed.toReversed()) outline.read(stage);
  const { name = '', lines } = options.needed.at(-1)?.from ?? {};
  const description = lines === undefined ? '' : descriptionOf(file, lines, name);
  const [args, secrets, ssh] = [outline.args, outline.secrets, outline.ssh].map(inOrder) as [
    Argument[],
    Wanted[],
    Wanted[],
  ];
  return {
    json: {
      ...(name === '' ? {} : { name }),
      ...(description === '' ? {} : { description }),
      ...listed('args', args.map(argumentJson)),
      ...listed('secrets', secrets.map(wantedJson)),
      ...listed('ssh', ssh.map(wantedJson)),
      sources: [source],
    },
    text: [
      headingText(name, description),
      tableText(['BUILD ARG', 'VALUE', 'DESCRIPTION'], args.map(argumentRow)),
      tableText(['SECRET', 'REQUIRED'], secrets.map(wantedRow)),
      tableText(['SSH', 'REQUIRED'], ssh.map(wantedRow)),
    ].join(''),
    status: 0,
  };
}

/** What the stages ask for, by name: what is said first counts. */
class Outline {
  readonly args = new Map<string, Argument>();
  readonly secrets = new Map<string, Wanted>();
  readonly ssh = new Map<string, Wanted>();
  readonly #file: Dockerfile;
  readonly #options: OutlineOptions;

  constructor(file: Dockerfile, options: OutlineOptions) {
    this.#file = file;
    this.#options = options;
  }

  read({ from, instructions }: Stage): void {
    for (const word of [from.image, from.platform]) this.#expandGlobals(word, from.lines);
    const own = new Map<string, Argument>();
    const variables = new Map<string, string>();
    const expanded = (word: string): string =>
      expand(word, { escape: this.#file.directives.escape, lookup: (name) => variables.get(name) });
    for (const instruction of instructions) {
      at(instruction.lines, () => {
        if (instruction.kind === 'env') {
          for (const { name, value } of instruction.pairs) variables.set(expanded(name), expanded(value));
        } else if (instruction.kind === 'arg') {
          for (const { name, value } of instruction.pairs) {
            const argument = this.#argument(
              name,
              value === undefined ? undefined : expanded(value),
              instruction,
            );
            if (argument === undefined) this.#useGlobal(name);
            else own.set(name, argument);
            const known = argument?.value ?? this.#options.globals.get(name);
            if (known !== undefined) variables.set(name, known);
          }
        } else if (instruction.kind === 'run') {
          for (const mount of instruction.mounts) this.#mount(mount, expanded, instruction.lines);
        }
      });
    }
    for (const [name, argument] of own) if (!this.args.has(name)) this.args.set(name, argument);
  }

  /** Undefined for one that only takes over what stands before the first FROM. */
  #argument(
    name: string,
    value: string | undefined,
    { lines }: { readonly lines: Lines },
  ): Argument | undefined {
    const given = ownValue(this.#options.args, name);
    if (given === undefined && value === undefined && this.#options.globals.has(name)) return undefined;
    return { name, lines, value: given ?? value ?? '', description: descriptionOf(this.#file, lines, name) };
  }

  #useGlobal(name: string): void {
    const found = this.#file.globals.findLast(({ pairs }) => pairs.some((pair) => pair.name === name));
    if (found === undefined || this.args.has(name)) return;
    const { lines, pairs } = found;
    const value = this.#options.globals.get(name) ?? '';
    this.args.set(name, { name, lines, value, description: descriptionOf(this.#file, lines, name) });
    for (const pair of pairs) if (pair.name === name) this.#expandGlobals(pair.value ?? '', lines);
  }

  /** Those that a word names are used, and those that they are made of. */
  #expandGlobals(word: string, lines: Lines): void {
    const used = new Set<string>();
    const lookup = (name: string): string | undefined => {
      used.add(name);
      return this.#options.globals.get(name);
    };
    at(lines, () => expand(word, { escape: this.#file.directives.escape, lookup }));
    for (const name of used) this.#useGlobal(name);
  }

  #mount(text: string, expanded: (word: string) => string, lines: Lines): void {
    const { type, fields } = readMount(text, expanded);
    if (type !== 'secret' && type !== 'ssh') return;
    const required = !['', 'false', '0'].includes(fields.get('required') ?? '');
    const target = fields.get('target')?.split('/').at(-1) ?? '';
    const usual = type === 'ssh' ? 'default' : fields.get('source') || target;
    const name = fields.get('id') || usual;
    const wanted = type === 'ssh' ? this.ssh : this.secrets;
    const known = wanted.get(name);
    if (known === undefined || (required && !known.required)) wanted.set(name, { name, lines, required });
  }
}

function inOrder(found: ReadonlyMap<string, Parameter>): Parameter[] {
  return [...found.values()].sort((left, right) => left.lines.first - right.lines.first);
}

function listed(key: string, list: readonly unknown[]): Record<string, unknown> {
  return list.length === 0 ? {} : { [key]: list };
}

function argumentJson({ name, description, value, lines }: Argument): unknown {
  return {
    name,
    ...(description === '' ? {} : { description }),
    ...(value === '' ? {} : { value }),
    location: locationOf(lines),
  };
}

function wantedJson({ name, required, lines }: Wanted): unknown {
  return { name, ...(required ? { required } : {}), location: locationOf(lines) };
}

const argumentRow = ({ name, value, description }: Argument): string[] => [name, value, description];
const wantedRow = ({ name, required }: Wanted): string[] => [name, required ? 'true' : ''];

function headingText(name: string, description: string): string {
  if (name === '') return '';
  const rows = [['TARGET:', name], ...(description === '' ? [] : [['DESCRIPTION:', description]])];
  return `${columns(rows, 1)}\n`;
}

function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '' : `${columns([head, ...rows], 3)}\n`;
}
