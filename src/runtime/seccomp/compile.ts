import type { SeccompProfile } from '../../oci/runtime-spec.ts';
import { KILL_PROCESS, NOT_IMPLEMENTED } from './actions.ts';
import { type Architecture, X32_OFFSET } from './architectures.ts';
import { Assembler, type Label } from './assembler.ts';
import { emitComparison } from './comparisons.ts';
import {
  type Decision,
  type ResolvedProfile,
  resolveProfile,
  type SeccompSubject,
} from './resolve-profile.ts';

/** Offsets in struct seccomp_data. */
const NUMBER = 0;
const AUDIT_ARCHITECTURE = 4;

/**
 * The filter of a profile, as classic BPF (struct sock_filter array, little-endian): what
 * `seccomp(SECCOMP_SET_MODE_FILTER)` takes. Calls are found by binary search, so that the longest path is some ten comparisons.
 * Fails with `invalid-argument` on a bad profile.
 */
export function compileSeccomp(profile: SeccompProfile, subject: SeccompSubject): Uint8Array {
  const resolved = resolveProfile(profile, subject);
  const assembler = new Assembler();
  const audits = [...new Set(resolved.architectures.map((architecture) => architecture.audit))];
  let entry = assembler.ret(KILL_PROCESS);
  // The native architecture is first in the list, hence emitted last and tested first.
  for (const audit of audits.toReversed()) {
    const tables = resolved.architectures.filter((architecture) => architecture.audit === audit);
    const section = emitNumberSearch(assembler, resolved, tables);
    entry = assembler.jump('equal', audit, section, entry);
  }
  return assembler.finish(assembler.load(AUDIT_ARCHITECTURE, entry));
}

/** The searches of all tables that share an audit value: one, or x86_64 with x32 above it. */
function emitNumberSearch(
  assembler: Assembler,
  resolved: ResolvedProfile,
  tables: readonly Architecture[],
): Label {
  const spans = tables.flatMap((table) => spansOf(resolved, table)).sort((a, b) => a.first - b.first);
  const hasX32 = tables.some((table) => table.offset === X32_OFFSET);
  const isX86_64 = tables.some((table) => table.name === 'SCMP_ARCH_X86_64');
  // Without x32 in the profile its numbers are a foreign architecture's.
  if (isX86_64 && !hasX32) spans.push({ first: X32_OFFSET, decisions: [always(KILL_PROCESS)] });
  return assembler.load(NUMBER, emitTree(assembler, mergeEqual(spans)));
}

/** From call `first` up to the next span's, `decisions` are tried in order; the last one is unconditional. */
interface Span {
  readonly first: number;
  readonly decisions: readonly Decision[];
}

function spansOf(resolved: ResolvedProfile, table: Architecture): Span[] {
  const named = [...resolved.rules]
    .flatMap(([name, decisions]) => {
      const number = table.syscalls[name];
      return number === undefined ? [] : [{ number, decisions }];
    })
    .sort((a, b) => a.number - b.number);
  const newest = named.findLast(({ number }) => number < PRIVATE_CALLS)?.number ?? -1;
  const otherwise = always(resolved.defaultAction);
  const beyond = resolved.hideNewer && newest >= 0 ? always(NOT_IMPLEMENTED) : otherwise;
  const spans: Span[] = [{ first: table.offset, decisions: [otherwise] }];
  for (const { number, decisions } of named) {
    const ends = decisions.at(-1)?.conditions.length === 0;
    spans.push({ first: table.offset + number, decisions: ends ? decisions : [...decisions, otherwise] });
    spans.push({ first: table.offset + number + 1, decisions: [number < newest ? otherwise : beyond] });
  }
  return spans;
}

/** 32-bit ARM keeps a few calls of its own above this number, which say nothing about a profile's age. */
const PRIVATE_CALLS = 0xf0000;

function always(action: number): Decision {
  return { conditions: [], action };
}

/** Drops spans that are empty or say the same as the one before. */
function mergeEqual(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const [index, span] of spans.entries()) {
    if (spans[index + 1]?.first === span.first) continue;
    const previous = merged.at(-1);
    if (
      previous === undefined ||
      plainAction(previous) === undefined ||
      plainAction(previous) !== plainAction(span)
    ) {
      merged.push(span);
    }
  }
  return merged;
}

/** The action of a span that looks at no argument. */
function plainAction(span: Span): number | undefined {
  const [first] = span.decisions;
  return first !== undefined && first.conditions.length === 0 ? first.action : undefined;
}

function emitTree(assembler: Assembler, spans: readonly Span[]): Label {
  const middle = spans.length >> 1;
  const split = spans[middle];
  if (split === undefined) return assembler.ret(KILL_PROCESS);
  if (middle === 0) return emitDecisions(assembler, split.decisions);
  const above = emitTree(assembler, spans.slice(middle));
  const below = emitTree(assembler, spans.slice(0, middle));
  return assembler.jump('atLeast', split.first, above, below);
}

function emitDecisions(assembler: Assembler, decisions: readonly Decision[]): Label {
  let next = assembler.ret(decisions.at(-1)?.action ?? KILL_PROCESS);
  for (const { conditions, action } of decisions.slice(0, -1).toReversed()) {
    const otherwise = next;
    next = assembler.ret(action);
    for (const condition of conditions.toReversed()) {
      next = emitComparison(assembler, condition, next, otherwise);
    }
  }
  return next;
}
