import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseInterfaceAddress } from '../ip.ts';
import { addAddress, addDefaultRoute, decodeAddress, decodeRoute } from './addresses.ts';
import { attachToBridge, createVethPair, decodeLink, raiseLink } from './links.ts';
import { type Attribute, encodeMessages, type Message } from './message.ts';
import { readAttributes, readMessages } from './reader.ts';

function hex(messages: readonly Message[]): string {
  return Buffer.from(encodeMessages(messages).data).toString('hex');
}

test('a link is raised by index', () => {
  expect(hex([raiseLink(1)])).toBe(
    '20000000' + '1000' + '0500' + '01000000' + '00000000' + '0000000001000000' + '0100000001000000',
  );
});

test('a port joins its bridge by name', () => {
  const attributes = `${'0a000300'}${Buffer.from('veth1\0').toString('hex')}0000${'08000a00'}07000000`;
  expect(hex([attachToBridge('veth1', 7)])).toBe(
    `34000000100005000100000000000000${'0000000000000000'}${'0100000001000000'}${attributes}`,
  );
});

test('an address carries its prefix and broadcast address', () => {
  const { data } = encodeMessages([addAddress(100, parseInterfaceAddress('172.17.0.2/16'))]);
  const payload = Buffer.from(data).subarray(16).toString('hex');
  expect(payload).toBe('0210000064000000' + '08000200ac110002' + '08000100ac110002' + '08000400ac11ffff');
});

test('a default route names gateway and interface', () => {
  const { data } = encodeMessages([addDefaultRoute(100, parseInterfaceAddress('172.17.0.1/16').address)]);
  const payload = Buffer.from(data).subarray(16).toString('hex');
  expect(payload).toBe('02000000fe03000100000000' + '08000500ac110001' + '0800040064000000');
});

test('a pair says where the descriptor of its namespace belongs', () => {
  const pair = createVethPair({
    name: 'eth0',
    index: 100,
    macAddress: '02:42:ac:11:00:02',
    mtu: 1500,
    peerName: 'veth1234567',
    peerNamespace: { slot: 9 },
  });
  const { data, patches, acks } = encodeMessages([raiseLink(1), pair]);
  const [offset = 0, slot] = patches;
  expect(acks).toBe(1 + 1);
  expect(slot).toBe(9);
  expect([...data.subarray(offset - 4, offset)]).toEqual([8, 0, 28, 0]);
});

test('messages in one datagram are numbered and can be read back', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 0x3fff }), fc.uint8Array({ maxLength: 40 })), {
        maxLength: 8,
      }),
      (pairs) => {
        const attributes: Attribute[] = pairs.map(([type, value]) => [type, value]);
        const message = { type: 20, flags: 0, header: new Uint8Array(8), attributes };
        const read = [...readMessages(encodeMessages([message, message]).data)];
        expect(read.map(({ type }) => type)).toEqual([20, 20]);
        for (const { payload } of read) expect(readAttributes(payload, 8)).toEqual(new Map(pairs));
      },
    ),
  );
});

test('decoders take any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(16, 20, 24), (payload, type) => {
      for (const message of [...readMessages(payload), { type, payload }]) {
        decodeLink(message);
        decodeAddress(message);
        decodeRoute(message);
      }
    }),
  );
});
