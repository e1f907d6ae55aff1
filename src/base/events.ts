/** Something that happened to an object, in Docker's vocabulary of types, actions and attributes. */
export interface EngineEvent {
  readonly type: 'container' | 'image' | 'network' | 'volume' | 'daemon' | 'builder' | 'plugin';
  readonly action: string;
  /** ID (or reference) of the object. */
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly time: Date;
  /** Nanoseconds since the epoch: `time` with the digits that Date lacks. */
  readonly timeNano: bigint;
}

/** Where an owner of objects says what happened; it never fails and never waits. */
export interface EventSink {
  publish(event: Omit<EngineEvent, 'time' | 'timeNano'>): void;
}
