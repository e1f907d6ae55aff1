import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import * as k from '../../src/plan/constants.ts';
import { errno } from '../../src/plan/errno.ts';
import { HOST, type Operation } from '../../src/plan/operations.ts';
import { binaries, Fixture } from './fixture.ts';

/** rtnetlink by hand: <linux/netlink.h>, <linux/rtnetlink.h>, <linux/if_link.h>. */
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const NLM_F_REQUEST_ACK = 0x5;
const NLM_F_DUMP = 0x300;
const NLM_F_CREATE_EXCL = 0x600;
const IFF_UP = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_NET_NS_FD = 28;

function attribute(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array((4 + payload.length + 3) & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4 + payload.length, true);
  view.setUint16(2, type, true);
  bytes.set(payload, 4);
  return bytes;
}

const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`);
const word = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);

function link(type: number, flags: number, sequence: number, ...attributes: Uint8Array[]): Uint8Array {
  const body = Buffer.concat(attributes);
  const message = new Uint8Array(32 + body.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  message.set(body, 32);
  return message;
}

function newBridge(name: string, sequence: number, ...more: Uint8Array[]): Uint8Array {
  const kind = attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, text('bridge')));
  return link(
    RTM_NEWLINK,
    NLM_F_REQUEST_ACK | NLM_F_CREATE_EXCL,
    sequence,
    attribute(IFLA_IFNAME, text(name)),
    kind,
    ...more,
  );
}

describe.each(binaries)('network (%s)', (binary) => {
  let it: Fixture;
  beforeAll(async () => {
    it = await Fixture.open(binary);
  });
  afterAll(() => it[Symbol.asyncDispose]());

  const apart: Operation = { op: 'unshare', flags: k.CLONE_NEWNET };
  const send = (
    data: Uint8Array,
    acks: number,
    ignore: readonly number[] = [],
    patches: readonly number[] = [],
  ): Operation => {
    return { op: 'netlink', protocol: k.NETLINK_ROUTE, data, acks, patches, ignore };
  };
  const loopback = link(RTM_NEWLINK, NLM_F_REQUEST_ACK, 1);
  loopback.set([1, 0, 0, 0, IFF_UP, 0, 0, 0, IFF_UP], 20);
  const dump = send(link(RTM_GETLINK, 0x1 | NLM_F_DUMP, 99), 1);

  test('netlink sends several messages at once and returns what a dump answers', async () => {
    const two = Buffer.concat([newBridge('one', 1), newBridge('two', 2)]);
    const { results } = await it.run({ before: [apart, send(two, 2), dump] });
    const names = Buffer.from(results.get(2) ?? []).toString('latin1');
    for (const name of ['lo\0', 'one\0', 'two\0']) expect(names).toContain(name);
    expect(results.get(1)).toHaveLength(0);
  });

  test('netlink names the message that failed, with what the kernel says about it', async () => {
    const failing = Buffer.concat([newBridge('one', 1), newBridge('one', 2)]);
    expect(await it.failure({ before: [apart, send(failing, 2)] })).toMatchObject({
      operation: 'netlink',
      errno: errno.EEXIST,
      subject: 'message 2',
    } as object);
    const tooLarge = await it.failure({
      before: [apart, send(newBridge('x', 7, attribute(IFLA_MTU, word(1 << 30))), 1)],
    });
    expect(tooLarge).toMatchObject({
      errno: errno.EINVAL,
      subject: 'message 7',
      detail: 'mtu greater than device maximum',
    } as object);
    await it.run({ before: [apart, send(failing, 2, [errno.EEXIST])] });
  });

  test('netlink finds out when an acknowledgement is missing', async () => {
    const failure = await it.failure({ before: [apart, send(newBridge('one', 1), 2)] });
    expect(failure).toMatchObject({ detail: '1 acknowledgements are missing' } as object);
  });

  test('netlink puts descriptors where the patches say, and nowhere else', async () => {
    const other: Operation = {
      op: 'open',
      slot: 3,
      dir: HOST,
      path: '/proc/self/ns/net',
      flags: k.O_RDONLY,
      mode: 0,
      resolve: 0,
    };
    const message = newBridge('moved', 1, attribute(IFLA_NET_NS_FD, word(0)));
    const patched = send(message, 1, [], [message.length - 4, 3]);
    const back: Operation = { op: 'setns', slot: 3, type: k.CLONE_NEWNET };
    const { results } = await it.run({ before: [apart, other, apart, patched, back, dump] });
    expect(Buffer.from(results.get(5) ?? []).toString('latin1')).toContain('moved\0');
    for (const offset of [message.length - 3, -1, 2 ** 40]) {
      const outside = await it.failure({ before: [apart, other, send(message, 1, [], [offset, 3])] });
      expect(outside).toMatchObject({
        errno: errno.EINVAL,
        detail: 'a patch outside the messages',
      } as object);
    }
  });

  test('publish reserves a port once for each address and protocol', async () => {
    const publish = (hostAddress: string, protocol: number): Operation => {
      return { op: 'publish', protocol, hostAddress, hostPort: 8080, address: '172.17.0.2', port: 80 };
    };
    const all = [
      publish('0.0.0.0', k.IPPROTO_TCP),
      publish('::', k.IPPROTO_TCP),
      publish('0.0.0.0', k.IPPROTO_UDP),
    ];
    await it.run({ before: [apart, ...all] });
    for (const again of all) {
      const failure = await it.failure({ before: [apart, ...all, again] });
      expect(failure).toMatchObject({ operation: 'publish', errno: errno.EADDRINUSE } as object);
    }
    const elsewhere = await it.failure({
      before: [apart, send(loopback, 1), publish('192.0.2.1', k.IPPROTO_TCP)],
    });
    expect(elsewhere).toMatchObject({ errno: errno.EADDRNOTAVAIL, subject: '192.0.2.1:8080' } as object);
    const nonsense = await it.failure({ before: [apart, publish('host', k.IPPROTO_TCP)] });
    expect(nonsense).toMatchObject({ errno: errno.EINVAL, subject: 'host:8080' } as object);
  });
});
