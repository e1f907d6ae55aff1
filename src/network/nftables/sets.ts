import type { PlanResults } from '../../plan/contract.ts';
import { errno } from '../../plan/errno.ts';
import type { Operation } from '../../plan/operations.ts';
import { messageFlag, protocol } from '../netlink/constants.ts';
import { netlinkOperation } from '../netlink/message.ts';
import { readAttributeList, readAttributes, readMessages } from '../netlink/reader.ts';
import { messageKind, setFlag, subsystem } from './constants.ts';
import { bigEndian } from './ruleset.ts';

/** A set as it is in the kernel, with what is in it. Attribute numbers are those of NFTA_SET_* and NFTA_SET_ELEM_*. */
export interface SetFound {
  /** Its elements are ranges, in their order: each begins one or, with `ends`, ends the one before. */
  readonly interval: boolean;
  readonly elements: readonly ElementFound[];
}

export interface ElementFound {
  readonly key: Uint8Array;
  /** The last of a concatenation of ranges. */
  readonly keyEnd: Uint8Array | undefined;
  /** NFTA_DATA_*. */
  readonly data: Uint8Array | undefined;
  readonly ends: boolean;
  /** For all that no other element is for. */
  readonly catchAll: boolean;
}

export interface SetName {
  readonly family: number;
  readonly table: string;
  readonly name: string;
}

export function setKey({ family, table, name }: SetName): string {
  return `${family} ${table} ${name}`;
}

/** Two steps, whose results `readSet` understands. One that is gone by then is as good as empty. */
export function dumpSet({ family, table, name }: SetName): readonly Operation[] {
  return [
    { kind: messageKind.getSet, flags: messageFlag.ack },
    { kind: messageKind.getElement, flags: messageFlag.dump },
  ].map(({ kind, flags }) =>
    netlinkOperation(
      protocol.netfilter,
      [
        {
          type: (subsystem.nftables << 8) | kind,
          flags,
          header: Uint8Array.of(family, 0, 0, 0),
          attributes: [
            [1, table],
            [2, name],
          ],
        },
      ],
      [errno.ENOENT],
    ),
  );
}

const HEADER_SIZE = 4;
const elementFlag = { intervalEnd: 1, catchAll: 2 } as const;

export function readSet(results: PlanResults, first: number): SetFound {
  const [description] = readMessages(results.get(first) ?? new Uint8Array());
  const attributes = readAttributes(description?.payload ?? new Uint8Array(), HEADER_SIZE);
  const elements = [...readMessages(results.get(first + 1) ?? new Uint8Array())].flatMap(({ payload }) =>
    readAttributeList(readAttributes(payload, HEADER_SIZE).get(3) ?? new Uint8Array()).map(([, element]) =>
      elementOf(element),
    ),
  );
  const interval = (bigEndian(attributes.get(3)) & setFlag.interval) !== 0;
  return { interval, elements: interval ? elements.toSorted(byKey) : elements };
}

/** The end of one range comes before the beginning of the next. */
function byKey(a: ElementFound, b: ElementFound): number {
  return Buffer.compare(a.key, b.key) || Number(b.ends) - Number(a.ends);
}

function elementOf(bytes: Uint8Array): ElementFound {
  const attributes = readAttributes(bytes, 0);
  const flags = bigEndian(attributes.get(3));
  return {
    key: dataValue(attributes.get(1)) ?? new Uint8Array(),
    keyEnd: dataValue(attributes.get(10)),
    data: attributes.get(2)?.slice(),
    ends: (flags & elementFlag.intervalEnd) !== 0,
    catchAll: (flags & elementFlag.catchAll) !== 0,
  };
}

/** NFTA_DATA_VALUE. */
export function dataValue(data: Uint8Array | undefined): Uint8Array | undefined {
  return data === undefined ? undefined : readAttributes(data, 0).get(1)?.slice();
}
