import type { Context } from '../base/context.ts';

/**
 * Who keeps volumes' data. Asked only for volumes that it made; calls about one volume come one after the other.
 *
 * create -> (attach -> detach)* -> remove. `attach` puts the data at hand for a user and says where; a driver whose data always are says
 * so by `attaches`.
 */
export interface VolumeDriver {
  readonly name: string;
  readonly scope: string;
  /** The directory, as far as it is known; empty when the driver tells only on `attach`. */
  create(
    context: Context,
    name: string,
    options: Readonly<Record<string, string>>,
    labels: Readonly<Record<string, string>>,
  ): Promise<string>;
  remove(context: Context, name: string): Promise<void>;
  attach(context: Context, request: Attachment): Promise<string>;
  detach(context: Context, request: Attachment): Promise<void>;
  status(context: Context, name: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** What it has, whoever made it; or a warning that it does not say. */
  list(context: Context): Promise<readonly FoundVolume[] | { readonly warning: string }>;
}

export interface FoundVolume {
  readonly name: string;
  readonly mountpoint: string;
}

export interface Attachment {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
  readonly user: string;
  /** Whether nobody else has it at hand. */
  readonly alone: boolean;
}
