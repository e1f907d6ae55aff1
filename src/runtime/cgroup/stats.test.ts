import { describe, expect, test } from 'bun:test';
import { parseInterfaceStats } from '../interface-stats.ts';
import { parseBlockIo } from './v1-stats.ts';
import { parseIoStat } from './v2-stats.ts';

describe('counters', () => {
  test('of block devices in version 1 are told by device and kind, without their sum', () => {
    expect(parseBlockIo('8:0 Read 4096\n8:0 Total 4096\n8:16 77\nTotal 4173')).toEqual([
      { major: 8, minor: 0, op: 'Read', value: 4096 },
      { major: 8, minor: 0, op: 'Total', value: 4096 },
      { major: 8, minor: 16, op: '', value: 77 },
    ]);
  });

  test('of block devices in version 2 are the bytes read and written', () => {
    expect(parseIoStat('254:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=5 dios=6\n')).toEqual([
      { major: 254, minor: 0, op: 'read', value: 10 },
      { major: 254, minor: 0, op: 'write', value: 20 },
    ]);
  });

  test('of interfaces leave loopback out', () => {
    const text = [
      'Inter-|   Receive                                                |  Transmit',
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
      '    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16',
      '  eth0:100 2 3 4 0 0 0 0 200 10 11 12 0 0 0 0',
      '',
    ].join('\n');
    expect(parseInterfaceStats(text)).toEqual({
      eth0: {
        rx_bytes: 100,
        rx_packets: 2,
        rx_errors: 3,
        rx_dropped: 4,
        tx_bytes: 200,
        tx_packets: 10,
        tx_errors: 11,
        tx_dropped: 12,
      },
    });
  });
});
