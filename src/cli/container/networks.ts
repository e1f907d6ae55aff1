import { parseCsvLine } from '../csv.ts';
import type { FlagType } from '../flag.ts';
import { cut } from '../flag-types.ts';

/** One `--network`: a name or mode, with what was said about this connection. */
export interface Attachment {
  readonly target: string;
  readonly aliases: readonly string[];
  readonly links: readonly string[];
  readonly driverOptions: Readonly<Record<string, string>>;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly linkLocal: readonly string[];
  readonly macAddress: string;
  readonly gatewayPriority: number;
}

export const plainAttachment: Attachment = {
  target: '',
  aliases: [],
  links: [],
  driverOptions: {},
  ipv4: '',
  ipv6: '',
  linkLocal: [],
  macAddress: '',
  gatewayPriority: 0,
};

/** `bridge`, or `name=net,alias=web,ip=10.0.0.2`. */
export const networks: FlagType<readonly Attachment[]> = {
  label: 'network',
  initial: () => [],
  parse: (value, current) => [...current, parseAttachment(value)],
};

function parseAttachment(value: string): Attachment {
  if (!/\w+=\w+(,\w+=\w+)*/.test(value)) return { ...plainAttachment, target: value };
  let attachment = plainAttachment;
  for (const field of parseCsvLine(value)) {
    const [key, text] = cut(field.toLowerCase(), '=');
    if (!field.includes('=') || key === '') throw new Error(`invalid field ${field}`);
    attachment = withField(attachment, key.trim(), text.trim());
  }
  if (attachment.target === '') throw new Error('network name/id is not specified');
  return attachment;
}

function withField(attachment: Attachment, key: string, text: string): Attachment {
  switch (key) {
    case 'name':
      return { ...attachment, target: text };
    case 'alias':
      return { ...attachment, aliases: [...attachment.aliases, text] };
    case 'ip':
      return { ...attachment, ipv4: text };
    case 'ip6':
      return { ...attachment, ipv6: text };
    case 'mac-address':
      return { ...attachment, macAddress: text };
    case 'link-local-ip':
      return { ...attachment, linkLocal: [...attachment.linkLocal, text] };
    case 'driver-opt': {
      const [name, setting] = cut(text, '=');
      if (!text.includes('=') || name === '') {
        throw new Error('invalid key value pair format in driver options');
      }
      return {
        ...attachment,
        driverOptions: { ...attachment.driverOptions, [name.trim()]: setting.trim() },
      };
    }
    case 'gw-priority':
      if (!/^[+-]?\d+$/.test(text)) throw new Error(`invalid gw-priority (${text}): invalid syntax`);
      return { ...attachment, gatewayPriority: Number(text) };
    default:
      throw new Error(`invalid field key ${key}`);
  }
}
