import type { Context } from '../base/context.ts';

/** Volumes: directories that outlive containers. */
export interface Volumes {
  /** Makes the volume, or returns the one of that name (unchanged). An empty name gets 64 hex digits. */
  create(context: Context, request: VolumeRequest): Promise<Volume>;
  /** Fails with `not-found` "get X: no such volume". */
  get(name: string): Volume;
  list(): readonly Volume[];
  remove(context: Context, name: string): Promise<void>;
}

export interface VolumeRequest {
  readonly name: string;
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}

export interface Volume {
  readonly name: string;
  readonly driver: string;
  /** Host directory with the data. */
  readonly mountpoint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly created: Date;
  readonly anonymous: boolean;
}
