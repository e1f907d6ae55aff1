import type { Lines } from '../errors.ts';
import type { Statement } from '../statements.ts';
import { pageOf, type RuleName, rules } from './rules.ts';
import { type LintSettings, silencedAbove } from './settings.ts';

/** A rule that a Dockerfile breaks. */
export interface LintFinding {
  readonly rule: string;
  readonly description: string;
  /** Where it is explained; empty for none. */
  readonly url: string;
  readonly detail: string;
  readonly lines: Lines;
}

/** Collects what is found but for what is silenced. */
export class LintReport {
  readonly #settings: LintSettings;
  readonly #statements: ReadonlyMap<number, Statement>;
  readonly #found: LintFinding[] = [];

  constructor(settings: LintSettings, statements: readonly Statement[]) {
    this.#settings = settings;
    this.#statements = new Map(statements.map((statement) => [statement.lines.first, statement]));
  }

  add(rule: RuleName, lines: Lines, detail: string): void {
    const comments = this.#statements.get(lines.first)?.comments ?? [];
    if (this.#settings.silences(rule) || silencedAbove(comments)(rule)) return;
    this.#found.push({ rule, description: rules[rule].description, url: pageOf(rules[rule]), detail, lines });
  }

  /** In the order of the file. */
  get findings(): readonly LintFinding[] {
    return this.#found.toSorted((left, right) => left.lines.first - right.lines.first);
  }
}
