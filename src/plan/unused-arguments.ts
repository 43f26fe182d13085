import { suggest } from '../errors/index.ts';
import { declaredNames, type GlobalArguments } from './arguments.ts';
import type { PlanScope } from './plan-scope.ts';
import type { PlanWarning } from './types.ts';

/** One warning for each build argument that nothing in the Dockerfile takes. */
export function unusedArguments({ file, options, globals }: PlanScope): PlanWarning[] {
  const declared = declaredNames(file);
  const at = { source: file.source, span: { start: 0, end: 0 } };
  return Object.keys(options.buildArgs).flatMap((name) => {
    if (declared.has(name) || globals.lookup(name) !== undefined || isBuiltIn(globals, name)) return [];
    const near = suggest(name, declared);
    const hint = near === undefined ? 'no ARG declares it' : `did you mean ${near}?`;
    return { message: `the build argument ${name} is not used`, at, hint };
  });
}

const isBuiltIn = (globals: GlobalArguments, name: string): boolean =>
  name === 'SOURCE_DATE_EPOCH' ||
  name.startsWith('BUILDKIT_') ||
  globals.predefined().some(([one]) => one === name);
