import { Duplex } from 'node:stream';

/** A connection that was handed over: bytes both ways, with back-pressure. */
export interface ByteStream {
  /** Undefined at the end of the peer's stream. */
  read(): Promise<Uint8Array | undefined>;
  /** A promise only when the peer is slow. It rejects when the peer is gone. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Ends our stream. */
  finish(): void;
  destroy(): void;
  /** Says once when both directions are gone. */
  onClose(listener: () => void): void;
}

/** The same as `node:http2` wants it. */
export function duplexOf(stream: ByteStream): Duplex {
  const duplex = new Duplex({
    read() {
      stream.read().then(
        (bytes) => this.push(bytes ?? null),
        (error: Error) => this.destroy(error),
      );
    },
    write(chunk: Uint8Array, _encoding, done) {
      const waiting = stream.write(chunk);
      if (waiting === undefined) done();
      else
        waiting.then(
          () => done(),
          (error: Error) => done(error),
        );
    },
    final(done) {
      stream.finish();
      done();
    },
    destroy(error, done) {
      stream.destroy();
      done(error);
    },
  });
  stream.onClose(() => duplex.destroy());
  // Whoever uses it is told by its end; that a peer has gone is no failure of ours.
  duplex.on('error', () => {});
  return duplex;
}
