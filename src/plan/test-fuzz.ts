import { applyEdits, type Dockerfile, formatDockerfile, parseDockerfile } from '../dockerfile/index.ts';
import { LapidaryError } from '../errors/index.ts';
import type { ImageConfig } from '../oci/index.ts';
import { type CheckOptions, runChecks } from './checks/index.ts';
import { listTargets, outlineOf } from './outline.ts';
import { planBuild } from './plan-build.ts';
import { imageWith } from './test-plan.ts';

/** Numbers from 0 to below `limit`, the same for the same seed (mulberry32). */
export type Random = (limit: number) => number;

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

/** What mutations put in: whatever has a meaning somewhere. */
const TOKENS = [
  'FROM ',
  'FROM a AS b\n',
  'RUN ',
  'COPY --from=',
  'ADD ',
  'ENV ',
  'ARG ',
  'LABEL ',
  'ONBUILD ',
  'HEALTHCHECK ',
  'CMD ',
  'SHELL ',
  'EXPOSE ',
  'VOLUME ',
  'WORKDIR ',
  'USER ',
  'STOPSIGNAL ',
  'MAINTAINER ',
  'from ',
  '# check=error=true\n',
  '# escape=`\n',
  '# syntax=docker/dockerfile:1\n',
  '# lapidary: unset=ENV a\n',
  '#',
  '\\\n',
  '`\n',
  '\n',
  '\r\n',
  '\t',
  ' ',
  '<<EOF',
  '<<-"EOF"\n',
  'EOF\n',
  '${',
  '}',
  '$a',
  '${a:-',
  '${a#*',
  '${a//x/',
  '"',
  "'",
  '\\',
  '[',
  ']',
  '["a", "b"]',
  ',',
  '--',
  '--mount=type=',
  '--platform=$TARGETPLATFORM',
  '--chown=',
  '=',
  ':',
  '/',
  '*',
  '\u0000',
  '\ufeff',
  '\ud800',
  '😀',
  '0',
  '65536-',
];

/** One of the seeds, changed in up to eight places. */
export function mutate(seeds: readonly string[], random: Random): string {
  let text = seeds[random(seeds.length)] ?? '';
  for (let left = random(9); left > 0; left--) {
    const [at, length] = [random(text.length + 1), random(12)];
    const [before, after] = [text.slice(0, at), text.slice(at + length)];
    const choice = random(6);
    if (choice === 0) text = before + after;
    else if (choice === 1) text = before + text.slice(at, at + length).repeat(1 + random(3)) + text.slice(at);
    else if (choice === 2) text = before + (seeds[random(seeds.length)] ?? '').slice(random(200));
    else if (choice === 3)
      text = before + String.fromCharCode(random(choice === random(9) ? 0x10000 : 128)) + after;
    else text = before + (TOKENS[random(TOKENS.length)] ?? '') + text.slice(at);
  }
  return text.slice(0, 20_000);
}

const amd64 = { os: 'linux', architecture: 'amd64' };
const base = imageWith({ Env: ['PATH=/bin', 'a=b'], OnBuild: ['ENV c=$a', 'COPY x /'] });
const options = {
  buildArgs: { a: '1', HTTP_PROXY: 'p' },
  platform: amd64,
  buildPlatform: amd64,
  image: () => base,
} satisfies CheckOptions;

/**
 * Takes a text through parser, printer, checks, repairs, outline and plan. What is wrong in it may be told by a
 * `LapidaryError`; anything else that is thrown, and a printed text with another meaning, is a bug and thrown.
 */
export function exercise(text: string): void {
  const file = attempt(() => parseDockerfile({ name: 'Dockerfile', text }));
  if (file === undefined) return;
  const printed = formatDockerfile(file);
  const again = parseDockerfile({ name: 'Dockerfile', text: printed });
  if (meaning(again) !== meaning(file)) throw new Error(`printed it means something else:\n${printed}`);
  listTargets(file);
  outlineOf(file, options);
  attempt(() => plan(file));
  const checked = attempt(() => runChecks(file, options));
  const edits = checked?.findings.flatMap(({ finding }) => finding.fix ?? []) ?? [];
  if (edits.length > 0) parseDockerfile({ name: 'repaired', text: applyEdits(text, edits) });
}

function plan(file: Dockerfile): void {
  const images = new Map<string, ImageConfig>();
  const all = { ...options, labels: {}, contexts: new Map(), images };
  for (let outcome = planBuild(file, all); !outcome.done; outcome = planBuild(file, all)) {
    for (const { key } of outcome.missing) images.set(key, base);
  }
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof LapidaryError)) throw error;
    error.render();
    return undefined;
  }
}

/** Everything but where it stands. */
function meaning({ source: _source, warnings: _warnings, ...rest }: Dockerfile): string {
  return JSON.stringify(rest, (key, value: unknown) =>
    key === 'span' || key === 'keyword' ? undefined : value,
  );
}
