import type { Dockerfile } from '../../dockerfile/dockerfile.ts';
import type { Inquiry } from '../contract.ts';
import { columns } from './columns.ts';
import { descriptionOf, locationOf } from './comments.ts';

/** The stages that can be built. */
export function describeTargets(file: Dockerfile, source: string): Inquiry {
  const targets = file.stages.map(({ from: { name, image, lines } }, index) => {
    const description = descriptionOf(file, lines, name);
    return {
      ...(name === '' ? {} : { name }),
      ...(index === file.stages.length - 1 ? { default: true } : {}),
      ...(description === '' ? {} : { description }),
      base: image,
      location: locationOf(lines),
    };
  });
  const rows = targets
    .filter((target) => target.name !== undefined || target.default === true)
    .map(({ name = '', description = '', ...target }) => [
      [name, target.default === true ? '(default)' : ''].filter((word) => word !== '').join(' '),
      description,
    ]);
  return {
    json: { targets, sources: [source] },
    text: columns([['TARGET', 'DESCRIPTION'], ...rows], 1),
    status: 0,
  };
}
