import type { Dockerfile } from '../../dockerfile/dockerfile.ts';
import { DockerfileError } from '../../dockerfile/errors.ts';

/** Images of the language that is built in here, whichever of its versions they are. */
const OURS = /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?:[:@]|$)/;

/** Fails with DockerfileError where a file says that it is in another language. What would read it is a program of an image, which is not run. */
export function refuseForeignSyntax({ directives }: Dockerfile, text: string): void {
  const [image = ''] = (directives.syntax ?? '').split(/\s/, 1);
  if (image === '' || OURS.test(image)) return;
  const line = 1 + text.split('\n').findIndex((each) => /^\s*#\s*syntax\s*=/i.test(each));
  throw new DockerfileError(
    `the syntax ${JSON.stringify(image)} is not supported: only docker/dockerfile is, which is built in`,
    { first: line, last: line },
    'meaning',
  );
}
