import { resolve } from 'node:path';
import { parseBoolean } from '../../wire/booleans.ts';
import type { Mount } from '../../wire/container-config.ts';
import { parseSize } from '../../wire/sizes.ts';
import { parseCsvLine } from '../csv.ts';
import type { FlagType } from '../flag.ts';
import { cut } from '../flag-types.ts';

/** `type=bind,source=/a,target=/b,readonly`. */
export const mounts: FlagType<readonly Mount[]> = {
  label: 'mount',
  initial: () => [],
  parse: (value, current) => [...current, parseMount(value)],
};

function parseMount(value: string): Mount {
  const mount: Mount = { Type: 'volume', Target: '' };
  for (const field of parseCsvLine(value)) applyField(mount, field);
  if (mount.Type === '') throw new Error('type is required');
  if (mount.Target === '') throw new Error('target is required');
  checkOptionsFitType(mount);
  checkRecursion(mount);
  return mount;
}

function applyField(mount: Mount, field: string): void {
  const [spelled, text] = cut(field, '=');
  const key = spelled.toLowerCase();
  if (!field.includes('=')) {
    const apply = switches[key];
    if (apply === undefined) throw new Error(`invalid field '${field}' must be a key=value pair`);
    apply(mount);
    return;
  }
  const apply = settings[key];
  if (apply === undefined) throw new Error(`unexpected key '${key}' in '${field}'`);
  apply(mount, text, key);
}

type Apply = (mount: Mount, text: string, key: string) => void;

const bindOptions = (mount: Mount) => {
  mount.BindOptions ??= {};
  return mount.BindOptions;
};

const volumeOptions = (mount: Mount) => {
  mount.VolumeOptions ??= { Labels: {}, DriverConfig: {} };
  return mount.VolumeOptions;
};

const tmpfsOptions = (mount: Mount) => {
  mount.TmpfsOptions ??= {};
  return mount.TmpfsOptions;
};

const switches: Readonly<Record<string, (mount: Mount) => void>> = {
  readonly: (mount) => {
    mount.ReadOnly = true;
  },
  ro: (mount) => {
    mount.ReadOnly = true;
  },
  'volume-nocopy': (mount) => {
    volumeOptions(mount).NoCopy = true;
  },
  'bind-nonrecursive': (mount) => {
    bindOptions(mount).NonRecursive = true;
  },
  'bind-create-src': (mount) => {
    bindOptions(mount).CreateMountpoint = true;
  },
};

const setReadOnly: Apply = (mount, text, key) => {
  mount.ReadOnly = booleanOf(text, key);
};
const setSource: Apply = (mount, text) => {
  mount.Source = text.startsWith('.') ? resolve(text) : text;
};
const setTarget: Apply = (mount, text) => {
  mount.Target = text;
};

const settings: Readonly<Record<string, Apply>> = {
  type: (mount, text) => {
    mount.Type = text.toLowerCase();
  },
  source: setSource,
  src: setSource,
  target: setTarget,
  dst: setTarget,
  destination: setTarget,
  readonly: setReadOnly,
  ro: setReadOnly,
  consistency: (mount, text) => {
    mount.Consistency = text.toLowerCase();
  },
  'bind-propagation': (mount, text) => {
    bindOptions(mount).Propagation = text.toLowerCase();
  },
  'bind-nonrecursive': (mount, text, key) => {
    bindOptions(mount).NonRecursive = booleanOf(text, key);
  },
  'bind-create-src': (mount, text, key) => {
    bindOptions(mount).CreateMountpoint = booleanOf(text, key);
  },
  'bind-recursive': setRecursion,
  'volume-subpath': (mount, text) => {
    volumeOptions(mount).Subpath = text;
  },
  'volume-nocopy': (mount, text, key) => {
    volumeOptions(mount).NoCopy = booleanOf(text, key);
  },
  'volume-label': (mount, text) => {
    const options = volumeOptions(mount);
    options.Labels = withPair(options.Labels, text);
  },
  'volume-driver': (mount, text) => {
    const options = volumeOptions(mount);
    options.DriverConfig = { ...options.DriverConfig, Name: text };
  },
  'volume-opt': (mount, text) => {
    const options = volumeOptions(mount);
    options.DriverConfig = {
      ...options.DriverConfig,
      Options: withPair(options.DriverConfig?.Options, text),
    };
  },
  'image-subpath': (mount, text) => {
    mount.ImageOptions = { Subpath: text };
  },
  'tmpfs-size': (mount, text, key) => {
    try {
      tmpfsOptions(mount).SizeBytes = parseSize(text);
    } catch {
      throw new Error(`invalid value for ${key}: ${text}`);
    }
  },
  'tmpfs-mode': (mount, text, key) => {
    if (!/^[0-7]{1,11}$/.test(text)) throw new Error(`invalid value for ${key}: ${text}`);
    tmpfsOptions(mount).Mode = Number.parseInt(text, 8);
  },
};

function withPair(map: Record<string, string> | null | undefined, text: string): Record<string, string> {
  const [key, value] = cut(text, '=');
  return key === '' ? { ...map } : { ...map, [key]: value };
}

function booleanOf(text: string, key: string): boolean {
  try {
    return parseBoolean(text);
  } catch {
    throw new Error(`invalid value for ${key}: ${text}`);
  }
}

function setRecursion(mount: Mount, text: string, key: string): void {
  if (text === 'disabled') bindOptions(mount).NonRecursive = true;
  else if (text === 'writable') bindOptions(mount).ReadOnlyNonRecursive = true;
  else if (text === 'readonly') bindOptions(mount).ReadOnlyForceRecursive = true;
  else if (text !== 'enabled') {
    throw new Error(
      `invalid value for ${key}: ${text} (must be "enabled", "disabled", "writable", or "readonly")`,
    );
  }
}

function checkOptionsFitType(mount: Mount): void {
  const kinds = [
    ['volume', mount.VolumeOptions],
    ['image', mount.ImageOptions],
    ['bind', mount.BindOptions],
    ['tmpfs', mount.TmpfsOptions],
  ] as const;
  for (const [kind, options] of kinds) {
    if (options !== undefined && mount.Type !== kind) {
      throw new Error(`cannot mix '${kind}-*' options with mount type '${mount.Type}'`);
    }
  }
}

function checkRecursion({ BindOptions, ReadOnly }: Mount): void {
  const needs = (mode: string, what: string): Error =>
    new Error(`option 'bind-recursive=${mode}' requires '${what}' to be specified in conjunction`);
  if (BindOptions?.ReadOnlyNonRecursive && !ReadOnly) throw needs('writable', 'readonly');
  if (!BindOptions?.ReadOnlyForceRecursive) return;
  if (!ReadOnly) throw needs('readonly', 'readonly');
  if (BindOptions.Propagation !== 'rprivate') throw needs('readonly', 'bind-propagation=rprivate');
}
