import { messageKind } from './constants.ts';

/** What somebody changed in nf_tables: kinds of messages about one table. */
export interface Change {
  /** NFT_MSG_*. */
  readonly kind: number;
  /** NFPROTO_*. */
  readonly family: number;
  readonly table: string;
}

/** What a report of `watchNetfilter` says; undefined where anything may have changed. */
export function decodeChanges(report: Uint8Array): readonly Change[] | undefined {
  if (report.length === 0) return undefined;
  const changes: Change[] = [];
  for (let offset = 0; offset + 3 <= report.length; ) {
    const [kind = 0, family = 0, length = 0] = report.subarray(offset, offset + 3);
    const table = Buffer.from(report.subarray(offset + 3, offset + 3 + length)).toString();
    changes.push({ kind, family, table });
    offset += 3 + length;
  }
  return changes;
}

const structural: ReadonlySet<number> = new Set([
  messageKind.newTable,
  messageKind.deleteTable,
  messageKind.newChain,
  messageKind.deleteChain,
  messageKind.newRule,
  messageKind.deleteRule,
]);

/** Whether tables, chains or rules came or went, rather than elements of sets. */
export function isStructural({ kind }: Change): boolean {
  return structural.has(kind);
}
