import { isIpcSysctl } from '../../oci/ipc-sysctls.ts';
import { cut } from '../flag-types.ts';
import { isIP } from '../ip-address.ts';

/** What values of single flags must look like. Each returns the value to use, or throws an Error in Docker's words. */

export function checkAttach(value: string): string {
  const stream = value.toLowerCase();
  if (stream === 'stdin' || stream === 'stdout' || stream === 'stderr') return stream;
  throw new Error('valid streams are STDIN, STDOUT and STDERR');
}

export function checkDeviceRule(value: string): string {
  if (/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(value)) return value;
  throw new Error(`invalid device cgroup format '${value}'`);
}

export function checkIpAddress(value: string): string {
  const address = value.trim();
  if (isIP(address) === 0) throw new Error(`IP address is not correctly formatted: ${value}`);
  return canonicalAddress(address);
}

function canonicalAddress(address: string): string {
  if (!address.includes(':')) return address;
  // URL hosts have IPv6 addresses in their shortest form.
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const domainPattern = new RegExp(`^(:?${label}(?:\\.${label})*)\\.?\\s*$`);

export function checkDnsSearch(value: string): string {
  const domain = value.replace(/^ +| +$/g, '');
  if (domain === '.') return domain;
  const match = domainPattern.exec(domain)?.[1];
  if (!/[a-zA-Z]/.test(domain) || match === undefined || match.length >= 255) {
    throw new Error(`${domain} is not a valid domain`);
  }
  return match;
}

/** A name without a value takes it from this process's environment, if it is set there. */
export function checkEnvironment(value: string): string {
  const [name] = cut(value, '=');
  if (name === '') throw new Error(`invalid environment variable: ${value}`);
  if (value.includes('=')) return value;
  const own = process.env[name];
  return own === undefined ? value : `${name}=${own}`;
}

/** Normalises `host=ip` and `host:[ip]` to what the API takes. */
export function checkExtraHost(value: string): string {
  const separator = value.includes('=') ? '=' : ':';
  const [host, given] = cut(value, separator);
  if (!value.includes(separator) || host === '' || host.includes(':')) {
    throw new Error(`bad format for add-host: ${JSON.stringify(value)}`);
  }
  if (given === 'host-gateway') return `${host}:${given}`;
  const address = /^\[(.+)\]$/.exec(given)?.[1] ?? given;
  if (isIP(address.trim()) === 0) {
    throw new Error(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  }
  return `${host}:${address}`;
}

export function checkLabel(value: string): string {
  const name = cut(value, '=')[0].replace(/^[ \t]+/, '');
  if (name === '') throw new Error(`invalid label '${value}': empty name`);
  if (/[ \t]/.test(name)) throw new Error(`label '${name}' contains whitespaces`);
  return value;
}

export function checkLink(value: string): string {
  if (value === '') throw new Error('empty string specified for links');
  if (value.split(':').length > 2) throw new Error(`bad format for links: ${value}`);
  return value;
}

export function checkSysctl(value: string): string {
  const [name] = cut(value, '=');
  const isNamespaced = isIpcSysctl(name) || name.startsWith('net.');
  if (!value.includes('=') || !isNamespaced) throw new Error(`sysctl '${value}' is not allowed`);
  return value;
}

export function checkMacAddress(value: string): void {
  const address = value.trim();
  const octets =
    /^(?:[\da-fA-F]{2}([:-])(?:[\da-fA-F]{2}\1){4}(?:[\da-fA-F]{2}|(?:[\da-fA-F]{2}\1){2}[\da-fA-F]{2}|(?:[\da-fA-F]{2}\1){14}[\da-fA-F]{2}))$/;
  const dotted =
    /^[\da-fA-F]{4}\.[\da-fA-F]{4}\.[\da-fA-F]{4}(?:\.[\da-fA-F]{4})?(?:(?:\.[\da-fA-F]{4}){6})?$/;
  if (!octets.test(address) && !dotted.test(address)) throw new Error(`${value} is not a valid mac address`);
}
