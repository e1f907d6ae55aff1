import { isIP } from 'node:net';
import { invalid } from '../base/errors.ts';

/**
 * How a bridge network reaches the rest: `nat` translates addresses and published ports, `nat-unprotected` lets in what is not published
 * too, `routed` leaves addresses alone and lets published ports in, `isolated` gives the bridge no address (internal networks only).
 */
type GatewayMode = 'nat' | 'nat-unprotected' | 'routed' | 'isolated';

/** A bridge network's driver options, understood. */
export interface BridgeSettings {
  /** Of the interface. */
  readonly name: string;
  readonly mtu: number;
  readonly interContainer: boolean;
  readonly masquerade: boolean;
  /** Where ports without an address are published; empty for everywhere. */
  readonly hostBinding: { readonly ipv4: string; readonly ipv6: string };
  readonly mode: { readonly ipv4: GatewayMode; readonly ipv6: GatewayMode };
  /** Whether the bridge bears its gateway's address. */
  readonly ownsGateway: boolean;
}

const prefix = 'com.docker.network.bridge.';
const MTU = 'com.docker.network.driver.mtu';
const gatewayModes: readonly string[] = [
  'nat',
  'nat-unprotected',
  'routed',
  'isolated',
] satisfies GatewayMode[];

/** Fails with `invalid-argument` in Docker's words. */
export function parseBridgeSettings(
  options: Readonly<Record<string, string>>,
  network: { readonly id: string; readonly internal: boolean },
  defaultMtu: number,
): BridgeSettings {
  return {
    name: parseName(options, network.id),
    mtu: parseMtu(options, defaultMtu),
    interContainer: parseFlag(options, 'enable_icc', true),
    masquerade: parseFlag(options, 'enable_ip_masquerade', true),
    hostBinding: { ipv4: parseBinding(options, 4), ipv6: parseBinding(options, 6) },
    mode: {
      ipv4: parseMode(options, 'gateway_mode_ipv4', network.internal),
      ipv6: parseMode(options, 'gateway_mode_ipv6', network.internal),
    },
    ownsGateway: !parseFlag(options, 'inhibit_ipv4', false),
  };
}

/** IFNAMSIZ without its NUL. */
const LONGEST_NAME = 15;

function parseName(options: Readonly<Record<string, string>>, id: string): string {
  const name = options[`${prefix}name`] || `br-${id.slice(0, 12)}`;
  if (name.length > LONGEST_NAME || /[/\s:%]/.test(name) || name === '.' || name === '..') {
    throw invalid(`invalid bridge name: ${JSON.stringify(name)}`, {
      hint: 'Interface names have at most 15 characters, and no slash, colon, percent sign or blank.',
    });
  }
  return name;
}

function parseMtu(options: Readonly<Record<string, string>>, byDefault: number): number {
  const text = options[MTU];
  if (text === undefined || text === '') return byDefault;
  if (!/^[+-]?\d+$/.test(text)) {
    throw invalid(`failed to parse ${MTU} value: ${text} (strconv.Atoi: parsing "${text}": invalid syntax)`);
  }
  if (Number(text) < 0) throw invalid(`failed to parse ${MTU} value: ${text} (mtu must be a positive value)`);
  return Number(text) === 0 ? byDefault : Number(text);
}

function parseFlag(options: Readonly<Record<string, string>>, key: string, byDefault: boolean): boolean {
  const text = options[prefix + key];
  if (text === undefined) return byDefault;
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw invalid(
    `failed to parse ${prefix}${key} value: ${text} (strconv.ParseBool: parsing "${text}": invalid syntax)`,
  );
}

function parseBinding(options: Readonly<Record<string, string>>, family: 4 | 6): string {
  const key = `${prefix}host_binding_ipv${family}`;
  const text = options[key] ?? '';
  if (text !== '' && isIP(text) !== family) throw invalid(`failed to parse ${key} value: ${text} (nil ip)`);
  return text === '0.0.0.0' || text === '::' ? '' : text;
}

function parseMode(options: Readonly<Record<string, string>>, key: string, internal: boolean): GatewayMode {
  const text = options[prefix + key] || 'nat';
  if (!isMode(text)) throw invalid(`unknown gateway mode ${text}`);
  if (text === 'isolated' && !internal) {
    throw invalid(`gateway mode 'isolated' can only be used for an internal network`);
  }
  return text;
}

function isMode(text: string): text is GatewayMode {
  return gatewayModes.includes(text);
}
