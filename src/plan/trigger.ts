import { type Dockerfile, type Instruction, parseDockerfile } from '../dockerfile/index.ts';
import { quoted, SourceError, type SourceRange } from '../errors/index.ts';

/**
 * An ONBUILD trigger of a base image: a text of its own, with one instruction in it.
 *
 * @param base the image's name, for messages
 * @param at the FROM that brings the trigger
 * @throws SourceError DOCKERFILE_SYNTAX
 */
export function parseTrigger(
  trigger: string,
  base: string,
  at: SourceRange,
): { readonly file: Dockerfile; readonly instruction: Instruction } {
  const file = parseDockerfile({ name: `ONBUILD of ${base}`, text: `FROM scratch\n${trigger}` });
  const [instruction, ...others] = file.stages.flatMap((stage) => stage.instructions);
  if (file.stages.length === 1 && instruction !== undefined && others.length === 0)
    return { file, instruction };
  const hint = `the base image says ${quoted(trigger)}`;
  throw new SourceError('DOCKERFILE_SYNTAX', 'an ONBUILD trigger has to be one instruction', at, { hint });
}
