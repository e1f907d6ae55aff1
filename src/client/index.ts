/** A client of the Engine API for Bun and Node. */
export {
  Client,
  type ConnectOptions,
  connect,
  type Hijacked,
  type Ping,
  type RequestOptions,
} from './client.ts';
export { ApiError, ConnectionError, isNotFound, ProtocolError } from './errors.ts';
export { demultiplex, type Frame, type StreamName } from './frames.ts';
export { jsonTexts, jsonValues } from './json-stream.ts';
