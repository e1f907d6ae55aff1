/**
 * One end of a connection, run inside a namespace: `serve PROTOCOL ADDRESS PORT` answers whoever comes with the address that it came from;
 * `ask PROTOCOL ADDRESS PORT [OWN-PORT]` prints the answer, or fails when none comes.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

/** Packets that a firewall drops are answered by nothing. */
const PATIENCE = 400;

const [role = '', protocol = '', address = '', port = '', ownPort = '0'] = process.argv.slice(2);
const kind = address.includes(':') ? 'udp6' : 'udp4';

if (role === 'serve' && protocol === 'tcp') {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`${socket.remoteAddress}`);
  });
  server.listen(Number(port), address, () => console.log('ready'));
} else if (role === 'serve') {
  const socket = createSocket(kind);
  socket.on('message', (_, from) => socket.send(from.address, from.port, from.address));
  socket.bind(Number(port), address, () => console.log('ready'));
} else {
  setTimeout(() => process.exit(1), PATIENCE);
  const answered = (text: Buffer): void => {
    console.log(text.toString());
    process.exit(0);
  };
  if (protocol === 'tcp') {
    const socket = connect(Number(port), address);
    socket.on('data', answered);
    socket.on('error', () => process.exit(1));
  } else {
    const socket = createSocket(kind);
    socket.on('message', answered);
    socket.on('error', () => process.exit(1));
    socket.bind(Number(ownPort), () => socket.send('?', Number(port), address));
  }
}
