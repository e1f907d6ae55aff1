/** A client of the Engine API for Bun and Node. */
export {
  Client,
  type ConnectOptions,
  connect,
  type Hijacked,
  type Ping,
  type RequestOptions,
} from './client.ts';
export * as containerFiles from './container-files.ts';
export * as containers from './containers.ts';
export { ApiError, ConnectionError, isNotFound, ProtocolError } from './errors.ts';
export * as execs from './execs.ts';
export { demultiplex, type Frame, type StreamName } from './frames.ts';
export * as imageContents from './image-contents.ts';
export * as images from './images.ts';
export { jsonTexts, jsonValues } from './json-stream.ts';
export * as networks from './networks.ts';
export * as registries from './registries.ts';
export * as system from './system.ts';
export * as volumes from './volumes.ts';
