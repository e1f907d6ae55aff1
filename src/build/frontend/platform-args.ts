import type { Platform } from '../../oci/image.ts';

/** The arguments that say what a build is for and where it runs. Stages see them when they declare them, FROM always. */
export function platformArgs(target: Platform, host: Platform, stage: string): Map<string, string> {
  return new Map([
    ...namesOf('TARGET', target),
    ...namesOf('BUILD', host),
    ['TARGETSTAGE', stage === '' ? 'default' : stage],
  ]);
}

function namesOf(prefix: string, platform: Platform): [string, string][] {
  const { os, architecture, variant = '' } = platform;
  const whole = [os, architecture, ...(variant === '' ? [] : [variant])].join('/');
  return [
    [`${prefix}PLATFORM`, whole],
    [`${prefix}OS`, os],
    [`${prefix}ARCH`, architecture],
    [`${prefix}VARIANT`, variant],
    [`${prefix}OSVERSION`, platform['os.version'] ?? ''],
  ];
}
