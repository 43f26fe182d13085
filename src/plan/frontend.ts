import type { Dockerfile } from '../dockerfile/index.ts';
import { quoted, SourceError } from '../errors/index.ts';

/** The Dockerfile language under any registry, tag or digest. */
const DOCKERFILE_FRONTEND = /(?:^|\/)dockerfile(?:-upstream)?(?:[:@]|$)/;

/**
 * `# syntax=` and BUILDKIT_SYNTAX may name another language than that of Dockerfiles, which is not understood here.
 * @throws SourceError DOCKERFILE_UNSUPPORTED
 */
export function checkFrontend(file: Dockerfile, buildArgs: Readonly<Record<string, string>>): void {
  const given = buildArgs['BUILDKIT_SYNTAX'];
  const [name = ''] = (given ?? file.directives.syntax?.text ?? '').split(' ');
  if (name === '' || DOCKERFILE_FRONTEND.test(name)) return;
  const span = given === undefined ? file.directives.syntax?.span : undefined;
  const at = { source: file.source, span: span ?? { start: 0, end: 0 } };
  throw new SourceError('DOCKERFILE_UNSUPPORTED', `the frontend ${quoted(name)} is not supported`, at, {
    hint: 'only Dockerfiles are understood: docker/dockerfile and its mirrors',
  });
}
