import { readText } from '../netlink/reader.ts';
import { type Bytes, metaOf, type Packet, payloadOf, trackingOf } from './packet.ts';
import { type Answer, compare, equals, not, Registers, within } from './registers.ts';
import { bigEndian, type ExpressionFound, type RuleFound } from './ruleset.ts';
import { dataValue, type ElementFound, type SetFound } from './sets.ts';
import { type Verdict, verdictFrom, verdictOf } from './verdict.ts';
import { answerOfMatch } from './xtables.ts';

/** What a rule does with a packet: nothing where it does not match. */
export interface Effect {
  readonly matches: Answer;
  readonly verdict: Verdict | undefined;
  /** Further verdicts that it may come to, out of a map by what is not known. */
  readonly others: readonly Verdict[];
}

/** The set of that name in the rule's table; undefined where it has not been read. */
export type SetSource = (name: string) => SetFound | undefined;

/** Attribute numbers are those of the NFTA_* enumeration of each expression. */
export function evaluateRule({ expressions }: RuleFound, packet: Packet, sets: SetSource): Effect {
  const registers = new Registers();
  let matches: Answer = 'yes';
  for (const expression of expressions) {
    const verdict = verdictOf(expression);
    if (verdict !== undefined) return { matches, verdict, others: [] };
    const mapped = verdictMap(expression, registers, sets);
    if (mapped !== undefined) {
      const [first, ...others] = mapped.verdicts;
      if (mapped.matches === 'no' || first === undefined) return nothing;
      return { matches: mapped.matches === 'perhaps' ? 'perhaps' : matches, verdict: first, others };
    }
    const answer = answerOf(expression, packet, registers, sets);
    if (answer === 'no') return nothing;
    if (answer === 'perhaps') matches = 'perhaps';
  }
  return { matches, verdict: undefined, others: [] };
}

const nothing: Effect = { matches: 'no', verdict: undefined, others: [] };

const number = (attributes: ReadonlyMap<number, Uint8Array>, type: number): number =>
  bigEndian(attributes.get(type));

function answerOf(
  expression: ExpressionFound,
  packet: Packet,
  registers: Registers,
  sets: SetSource,
): Answer {
  const { name, attributes } = expression;
  switch (name) {
    case 'meta':
      return loaded(registers, number(attributes, 1), metaOf(packet, number(attributes, 2)));
    case 'payload':
      return loadPayload(attributes, packet, registers);
    case 'ct':
      return loaded(registers, number(attributes, 1), trackingOf(packet, number(attributes, 2)));
    case 'fib':
      return loadFib(attributes, packet, registers);
    case 'immediate':
      return loaded(registers, number(attributes, 1), [...(dataValue(attributes.get(2)) ?? [])]);
    case 'bitwise':
      return bitwise(attributes, registers);
    case 'cmp':
      return comparison(attributes, registers);
    case 'range':
      return range(attributes, registers);
    case 'lookup':
      return membership(attributes, registers, sets);
    case 'match':
      return answerOfMatch(expression, packet);
    default:
      return other(name, attributes, registers);
  }
}

/** Those that neither match nor load anything. */
const silent: ReadonlySet<string> = new Set([
  ...['counter', 'log', 'target', 'notrack', 'objref', 'dynset', 'last', 'nat', 'masq', 'redir', 'dup'],
]);

function other(name: string, attributes: ReadonlyMap<number, Uint8Array>, registers: Registers): Answer {
  if (silent.has(name)) return 'yes';
  // Limits and quotas let some through; the rest loads what nobody knows, into the register that its first attribute names.
  if (name === 'limit' || name === 'quota' || name === 'connlimit') return 'perhaps';
  registers.forget(number(attributes, 1));
  return 'yes';
}

function loaded(registers: Registers, into: number, value: Bytes | undefined): Answer {
  // Into no register: it sets something of the packet.
  if (into === 0) return 'yes';
  if (value === undefined) registers.forget(into);
  else registers.write(into, value);
  return 'yes';
}

function loadPayload(
  attributes: ReadonlyMap<number, Uint8Array>,
  packet: Packet,
  registers: Registers,
): Answer {
  const [into, base, offset, length] = [1, 2, 3, 4].map((type) => number(attributes, type));
  return loaded(registers, into ?? 0, payloadOf(packet, base ?? 0, offset ?? 0, length ?? 0));
}

const FIB_ADDRESS_TYPE = 3;
const FIB_DESTINATION = 1 << 1;
const addressTypes = { unicast: 1, local: 2 } as const;

function loadFib(
  attributes: ReadonlyMap<number, Uint8Array>,
  { outputName }: Packet,
  registers: Registers,
): Answer {
  const about = (number(attributes, 3) & FIB_DESTINATION) !== 0;
  const type = outputName === '' && about ? addressTypes.local : addressTypes.unicast;
  const known = number(attributes, 2) === FIB_ADDRESS_TYPE;
  return loaded(registers, number(attributes, 1), known ? [type, 0, 0, 0] : undefined);
}

function bitwise(attributes: ReadonlyMap<number, Uint8Array>, registers: Registers): Answer {
  const value = registers.read(number(attributes, 1), number(attributes, 3));
  const [mask, flip] = [dataValue(attributes.get(4)), dataValue(attributes.get(5))];
  // Shifts have neither.
  if (mask === undefined || flip === undefined || number(attributes, 6) !== 0)
    return loaded(registers, number(attributes, 2), undefined);
  const result = value.map((byte, index) => {
    const kept = mask[index] ?? 0;
    if (byte === undefined && kept !== 0) return undefined;
    return (((byte ?? 0) & kept) ^ (flip[index] ?? 0)) & 255;
  });
  return loaded(registers, number(attributes, 2), result);
}

/** NFT_CMP_*: equal, not equal, less, less or equal, more, more or equal. */
function comparison(attributes: ReadonlyMap<number, Uint8Array>, registers: Registers): Answer {
  const data = dataValue(attributes.get(3)) ?? new Uint8Array();
  const value = registers.read(number(attributes, 1), data.length);
  const operator = number(attributes, 2);
  if (operator === 0) return equals(value, data);
  if (operator === 1) return not(equals(value, data));
  const order = compare(value, data);
  if (order === undefined) return 'perhaps';
  const holds = [order < 0, order <= 0, order > 0, order >= 0][operator - 2] ?? false;
  return holds ? 'yes' : 'no';
}

function range(attributes: ReadonlyMap<number, Uint8Array>, registers: Registers): Answer {
  const first = dataValue(attributes.get(3)) ?? new Uint8Array();
  const last = dataValue(attributes.get(4)) ?? new Uint8Array();
  const answer = within(registers.read(number(attributes, 1), first.length), first, last);
  return number(attributes, 2) === 0 ? answer : not(answer);
}

interface Found {
  readonly matches: Answer;
  readonly elements: readonly ElementFound[];
}

/** The elements that the value may be; the first that it is for certain alone. */
function find(set: SetFound, read: (length: number) => Bytes): Found {
  const possible: ElementFound[] = [];
  for (const [index, element] of set.elements.entries()) {
    if (element.ends || element.catchAll) continue;
    const next = set.interval && element.keyEnd === undefined ? set.elements[index + 1] : undefined;
    const answer = elementAnswer(element, next, set.interval, read(element.key.length));
    if (answer === 'yes') return { matches: 'yes', elements: [element] };
    if (answer === 'perhaps') possible.push(element);
  }
  const rest = set.elements.find(({ catchAll }) => catchAll);
  if (rest !== undefined) return { matches: 'yes', elements: [...possible, rest] };
  return { matches: possible.length === 0 ? 'no' : 'perhaps', elements: possible };
}

function elementAnswer(
  { key, keyEnd }: ElementFound,
  next: ElementFound | undefined,
  interval: boolean,
  value: Bytes,
): Answer {
  if (keyEnd !== undefined) return within(value, key, keyEnd);
  if (!interval) return equals(value, key);
  const low = compare(value, key);
  if (low === -1) return 'no';
  if (next === undefined) return low === undefined ? 'perhaps' : 'yes';
  const high = compare(value, next.key);
  if (high === 0 || high === 1) return 'no';
  return low === undefined || high === undefined ? 'perhaps' : 'yes';
}

function lookUp(
  attributes: ReadonlyMap<number, Uint8Array>,
  registers: Registers,
  sets: SetSource,
): Found | undefined {
  const set = sets(readText(attributes.get(1) ?? new Uint8Array()));
  const from = number(attributes, 2);
  return set === undefined ? undefined : find(set, (length) => registers.read(from, length));
}

const INVERTED = 1;

function membership(
  attributes: ReadonlyMap<number, Uint8Array>,
  registers: Registers,
  sets: SetSource,
): Answer {
  const found = lookUp(attributes, registers, sets);
  const into = attributes.get(3);
  if (into !== undefined) {
    const [only] = found?.matches === 'yes' && found.elements.length === 1 ? found.elements : [];
    const value = dataValue(only?.data);
    loaded(registers, bigEndian(into), value === undefined ? undefined : [...value]);
  }
  const answer = found?.matches ?? 'perhaps';
  return (number(attributes, 5) & INVERTED) === 0 ? answer : not(answer);
}

/** A look-up whose result is what to do. */
function verdictMap(
  { name, attributes }: ExpressionFound,
  registers: Registers,
  sets: SetSource,
): { readonly matches: Answer; readonly verdicts: readonly Verdict[] } | undefined {
  const into = attributes.get(3);
  if (name !== 'lookup' || into === undefined || bigEndian(into) !== 0) return undefined;
  const found = lookUp(attributes, registers, sets);
  if (found === undefined) return { matches: 'perhaps', verdicts: [{ kind: 'queue' }] };
  return {
    matches: found.matches,
    verdicts: found.elements.flatMap(({ data }) => verdictFrom(data) ?? []),
  };
}

/** The names of sets that a rule looks something up in. */
export function setsOf({ expressions }: RuleFound): readonly string[] {
  return expressions.flatMap(({ name, attributes }) =>
    name === 'lookup' ? [readText(attributes.get(1) ?? new Uint8Array())] : [],
  );
}
