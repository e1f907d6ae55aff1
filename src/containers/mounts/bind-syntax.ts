import { invalid, messageOf } from '../../base/errors.ts';
import type { Mount } from '../../wire/container-config.ts';
import { parseMode, readMode } from './mount-mode.ts';
import { checkMount } from './mount-rules.ts';

/** An entry of HostConfig.Binds, as a Mount and with its mode's own text, which inspect repeats. */
export interface ParsedBind {
  readonly mount: Mount;
  readonly mode: string;
}

/**
 * "source:destination[:mode]" or a bare "destination"; an absolute source is a bind, any other a volume's name.
 * Fails with `invalid-argument` in Docker's words.
 */
export function parseBind(text: string, volumeDriver: string): ParsedBind {
  const { source, target, mode } = splitBind(text);
  const words = parseMode(mode);
  const type = source.startsWith('/') ? 'bind' : 'volume';
  const volumeOptions = {
    ...(volumeDriver === '' || type !== 'volume' ? {} : { DriverConfig: { Name: volumeDriver } }),
    ...(words.noCopy === undefined ? {} : { NoCopy: words.noCopy }),
  };
  const mount: Mount = {
    Type: type,
    Source: source,
    Target: target,
    ReadOnly: words.readOnly,
    ...(Object.keys(volumeOptions).length === 0 ? {} : { VolumeOptions: volumeOptions }),
    ...(words.propagation === undefined ? {} : { BindOptions: { Propagation: words.propagation } }),
  };
  try {
    checkMount(mount, () => true);
  } catch (error) {
    throw invalid(`invalid volume specification: '${text}': ${messageOf(error)}`);
  }
  return { mount, mode };
}

function splitBind(text: string): { source: string; target: string; mode: string } {
  const parts = text.split(':');
  const [first = '', second = '', third = ''] = parts;
  const modeForTarget = parts.length === 2 && readMode(second) !== undefined;
  if (first === '' || parts.length > 3 || modeForTarget) {
    throw invalid(`invalid volume specification: '${text}'`);
  }
  if (parts.length === 1) return { source: '', target: first, mode: '' };
  return { source: first, target: second, mode: third };
}
