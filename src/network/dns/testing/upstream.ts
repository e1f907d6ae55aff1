/**
 * A DNS server of the host's, run in its namespace: `upstream.ts ADDRESS MARK`. It answers with MARK's address over UDP and TCP, but by the first
 * label: "failing" with SERVFAIL, "refused" with REFUSED, "missing" with NXDOMAIN, "large" with 100 addresses, over UDP cut
 * off, and "forged" only after answers with another id and another question. Without MARK it answers nothing. Prints "ready", then a line for each
 * question.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { decodeQuestion, encodeAnswer, type Question } from './message.ts';

const [address = '', mark = ''] = process.argv.slice(2);
const codes: Readonly<Record<string, number>> = { failing: 2, missing: 3, refused: 5 };
const many = Array.from({ length: 100 }, (_, index) => `198.51.100.${index}`);

function answersTo(message: Buffer, over: 'udp' | 'tcp'): readonly Buffer[] {
  const question = decodeQuestion(message);
  const [label = ''] = question.name.split('.');
  console.log(`${over} ${question.name} ${question.type} ${question.size ?? '-'}`);
  if (mark === '') return [];
  if (label === 'large') {
    return over === 'tcp'
      ? [encodeAnswer(question, many)]
      : [encodeAnswer(question, [], { truncated: true })];
  }
  const right = encodeAnswer(question, [mark], { code: codes[label] ?? 0 });
  return label === 'forged' ? [...forgeries(question), right] : [right];
}

function forgeries(question: Question): readonly Buffer[] {
  return [
    encodeAnswer({ ...question, id: question.id ^ 1 }, ['203.0.113.66']),
    encodeAnswer({ ...question, name: 'forgee.example' }, ['203.0.113.66']),
    encodeAnswer({ ...question, type: 28 }, ['203.0.113.66']),
    Buffer.alloc(5),
  ];
}

const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
udp.on('message', (message, from) => {
  for (const answer of answersTo(message, 'udp')) udp.send(answer, from.port, from.address);
});
const tcp = createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', (bytes: Buffer) => {
    for (const answer of answersTo(bytes.subarray(2), 'tcp')) {
      socket.write(Uint8Array.of(answer.length >>> 8, answer.length & 255));
      socket.write(answer);
    }
  });
});
udp.bind(53, address, () => tcp.listen(53, address, () => console.log('ready')));
