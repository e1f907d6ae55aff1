/**
 * Asks 127.0.0.11, run inside a container's network: each argument is NAME/TYPE, then perhaps /tcp, or a size for EDNS. All are asked at once;
 * prints the answers as a JSON array, null for what was not answered within the patience that ASK_PATIENCE gives in milliseconds.
 */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { type Answer, decodeAnswer, encodeQuestion, type TypeName, types } from './message.ts';

const patience = Number(process.env['ASK_PATIENCE'] ?? 3000);

function ask(text: string, index: number): Promise<Answer | null> {
  const [name = '', type = 'A', how = ''] = text.split('/');
  const size = /^\d+$/.test(how) ? Number(how) : undefined;
  const message = encodeQuestion({ id: 0x1000 + index, name, type: types[type as TypeName], size });
  return how === 'tcp' ? askStream(message) : askDatagram(message);
}

function askDatagram(message: Buffer): Promise<Answer | null> {
  const socket = createSocket('udp4');
  const answer = new Promise<Answer | null>((resolve) => {
    setTimeout(() => resolve(null), patience);
    socket.on('message', (bytes) => resolve(decodeAnswer(bytes)));
    socket.on('error', () => resolve(null));
  });
  socket.connect(53, '127.0.0.11', () => socket.send(message));
  return answer.finally(() => socket.close());
}

function askStream(message: Buffer): Promise<Answer | null> {
  const socket = connect(53, '127.0.0.11');
  const answer = new Promise<Answer | null>((resolve) => {
    let received = Buffer.alloc(0);
    setTimeout(() => resolve(null), patience);
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        resolve(decodeAnswer(received.subarray(2)));
      }
    });
    socket.on('close', () => resolve(null));
    socket.on('error', () => resolve(null));
  });
  socket.write(Buffer.concat([Uint8Array.of(message.length >>> 8, message.length & 255), message]));
  return answer.finally(() => socket.destroy());
}

console.log(JSON.stringify(await Promise.all(process.argv.slice(2).map(ask))));
process.exit(0);
