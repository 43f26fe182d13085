import { EXIT, LapidaryError, quoted, suggest } from '../../errors/index.ts';
import type { Flags, Invocation } from '../command.ts';

const METHODS = ['build', 'check', 'outline', 'targets'] as const;
export type CallMethod = (typeof METHODS)[number];
export type Call = { readonly method: CallMethod; readonly json: boolean };

const isMethod = (text: string): text is CallMethod => METHODS.some((one) => one === text);

/** `--call METHOD[,format=json]`; `--check` is `--call=check`. @throws LapidaryError USAGE */
export function readCall(flags: Flags): Call {
  const text = flags.text('call') ?? (flags.on('check') || flags.on('fix') ? 'check' : 'build');
  const [name = '', ...options] = text.split(',');
  const method = name === 'lint' ? 'check' : name;
  if (!isMethod(method)) {
    const near = suggest(method, METHODS);
    throw new LapidaryError('USAGE', `--call cannot be ${quoted(name)}`, {
      hint: near === undefined ? `expected ${METHODS.join(', ')}` : `did you mean ${near}?`,
    });
  }
  let json = false;
  for (const option of options) {
    if (!/^format=(?:json|text)$/.test(option))
      throw new LapidaryError('USAGE', `--call has no option ${quoted(option)}`, {
        hint: 'expected format=json',
      });
    json = option === 'format=json';
  }
  if (flags.on('fix') && method !== 'check')
    throw new LapidaryError('USAGE', '--fix repairs what --check finds, and goes with nothing else');
  return { method, json };
}

/** Checks or describes the Dockerfile instead of building it. @returns the exit code: 1 where something was found */
export async function runCall(call: Invocation, { method, json }: Call): Promise<number> {
  const [{ readBuildRequest }, { buildSurroundings }, build, output] = await Promise.all([
    import('./build-request.ts'),
    import('./build-surroundings.ts'),
    import('../../build/index.ts'),
    import('../call-output.ts'),
  ]);
  const { flags, io } = call;
  const request = await readBuildRequest(call);
  const options = await buildSurroundings(call, request);
  if (method === 'outline') {
    const { source, outline } = await build.outlineDockerfile(request, options);
    io.stdout.write(json ? output.outlineJson(source, outline) : output.outlineText(outline));
    return EXIT.ok;
  }
  if (method === 'targets') {
    const { source, targets } = await build.listDockerfileTargets(request, options);
    io.stdout.write(json ? output.targetsJson(source, targets) : output.targetsText(targets));
    return EXIT.ok;
  }
  const report = await build.checkBuild(request, { ...options, fix: flags.on('fix') });
  const colour = io.stdout.isTTY === true && !io.env['NO_COLOR'];
  io.stdout.write(json ? output.checkJson(report) : output.checkText(report, colour));
  return report.findings.length + report.failures.length > 0 ? EXIT.failed : EXIT.ok;
}
