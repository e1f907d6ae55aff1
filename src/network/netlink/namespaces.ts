import { messageFlag, messageType, namespaceAttribute } from './constants.ts';
import type { DescriptorSlot, Message } from './message.ts';
import { readAttributes, readMessages, u32 } from './reader.ts';

/** RTM_*NSID messages (linux/net_namespace.h): the numbers that a network namespace gives to others. */

/** struct rtgenmsg, padded. */
const HEADER_SIZE = 4;
/** NETNSA_NSID_NOT_ASSIGNED. */
const NONE = 0xffffffff;

/** Asks for the number of another namespace. */
export function getNamespaceId(namespace: DescriptorSlot): Message {
  return {
    type: messageType.getNamespaceId,
    flags: messageFlag.ack,
    header: new Uint8Array(HEADER_SIZE),
    attributes: [[namespaceAttribute.fd, namespace]],
  };
}

/** Undefined where it has none: then no link leads there. */
export function decodeNamespaceId(bytes: Uint8Array): number | undefined {
  for (const { type, payload } of readMessages(bytes)) {
    if (type !== messageType.newNamespaceId) continue;
    const id = readAttributes(payload, HEADER_SIZE).get(namespaceAttribute.id);
    return id === undefined || u32(id, 0) === NONE ? undefined : u32(id, 0);
  }
  return undefined;
}
