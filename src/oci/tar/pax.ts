import { invalid } from '../../base/errors.ts';

/** One record of a pax extended header; key and value are byte strings. */
export type PaxRecord = readonly [key: string, value: string];

/**
 * The records of a pax extended header: "length key=value\n", the length counting itself
 * (POSIX.1-2017, pax, "pax Extended Header"). Values are any bytes. Fails with `invalid-argument`.
 */
export function parsePax(payload: Buffer): PaxRecord[] {
  const records: PaxRecord[] = [];
  let at = 0;
  while (at < payload.length) {
    // Some writers pad the payload with NULs.
    if (payload[at] === 0) break;
    const space = payload.indexOf(0x20, at);
    const digits = payload.toString('latin1', at, space < 0 || space - at > 8 ? at : space);
    if (!/^[0-9]+$/.test(digits)) throw badRecord();
    const end = at + Number(digits);
    if (end > payload.length || end <= space + 2) throw badRecord();
    if (payload[end - 1] !== 0x0a) throw badRecord();
    const equals = payload.indexOf(0x3d, space + 1);
    if (equals <= space + 1 || equals >= end) throw badRecord();
    records.push([
      payload.toString('latin1', space + 1, equals),
      payload.toString('latin1', equals + 1, end - 1),
    ]);
    at = end;
  }
  return records;
}

function badRecord(): Error {
  return invalid('invalid tar header: malformed pax record');
}

/** The payload that `parsePax` reads back, records in the given order. */
export function formatPax(records: Iterable<PaxRecord>): Buffer {
  let text = '';
  for (const [key, value] of records) {
    const rest = key.length + value.length + 3;
    let length = rest + String(rest).length;
    // One digit more may push the total over a power of ten.
    if (rest + String(length).length !== length) length = rest + String(length).length;
    text += `${length} ${key}=${value}\n`;
  }
  return Buffer.from(text, 'latin1');
}
