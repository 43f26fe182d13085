import { describe, expect, test } from 'vitest';
import { parseDockerfile } from '../dockerfile/index.ts';
import { formatPlatform, parsePlatform } from '../oci/index.ts';
import type { Op } from './op.ts';
import { planBuild } from './plan-build.ts';
import { sharePlans } from './share-ops.ts';
import { imageWith } from './test-plan.ts';
import type { Plan } from './types.ts';

const NAMES = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'];
const platforms = NAMES.map(parsePlatform);
const images = new Map(platforms.map((one) => [`base ${formatPlatform(one)}`, imageWith({}, one)]));

function plans(text: string): readonly Plan[] {
  const file = parseDockerfile({ name: 'Dockerfile', text });
  return platforms.map((platform) => {
    const [buildPlatform = platform] = platforms;
    const options = { buildArgs: {}, labels: {}, contexts: new Map(), images, showsPlatform: true };
    const outcome = planBuild(file, { ...options, platform, buildPlatform });
    if (!outcome.done) throw new Error('an image is missing');
    return outcome.plan;
  });
}

/** The steps behind the results, each once, as a build shows them. */
function steps(all: readonly Plan[]): string[] {
  const seen = new Set<Op>();
  const visit = (op: Op | undefined): void => {
    if (op === undefined || seen.has(op)) return;
    if ('base' in op) visit(op.base);
    if (op.op === 'copy') visit(op.from);
    if (op.op === 'run') for (const mount of op.command.mounts) if ('from' in mount) visit(mount.from);
    seen.add(op);
  };
  for (const { result } of all) visit(result.op);
  return [...seen].flatMap((op) =>
    'origin' in op && op.origin ? [`${op.origin.platform} ${op.origin.title}`] : [],
  );
}

const PINNED = 'FROM --platform=$BUILDPLATFORM base AS tool\nRUN make\n';

describe('sharePlans', () => {
  test.for<readonly [string, string, readonly string[]]>([
    [
      'a pinned stage is there once, what stands on it for each platform',
      `${PINNED}FROM base\nCOPY --from=tool /a /a`,
      ['linux/amd64 RUN make', ...NAMES.map((name) => `${name} COPY --from=tool /a /a`)],
    ],
    [
      'mounted from',
      `${PINNED}FROM base\nRUN --mount=from=tool,target=/t x`,
      ['linux/amd64 RUN make', ...NAMES.map((name) => `${name} RUN --mount=from=tool,target=/t x`)],
    ],
    [
      'pinned, but told what it makes files for: apart from there on',
      `${PINNED}FROM tool\nRUN a\nARG TARGETARCH\nRUN b\nWORKDIR /w`,
      [
        'linux/amd64 RUN make',
        'linux/amd64 RUN a',
        ...['linux/amd64', 'linux/amd64->arm64', 'linux/amd64->arm/v7'].flatMap((name) => [
          `${name} RUN b`,
          `${name} WORKDIR /w`,
        ]),
      ],
    ],
    ['nothing is pinned', 'FROM base\nRUN a', NAMES.map((name) => `${name} RUN a`)],
    [
      'here-documents count by what is in them',
      `FROM --platform=$BUILDPLATFORM base\nCOPY <<a <<b /d/\n1\na\n2\nb`,
      ['linux/amd64 COPY <<a <<b /d/'],
    ],
  ])('%s', ([, text, want]) => {
    const separate = plans(text);
    const shared = sharePlans(separate);
    expect(steps(shared)).toEqual(want);
    expect(shared.map(({ result }) => result.config)).toEqual(separate.map(({ result }) => result.config));
    // The lines of the history lead to the very steps
    for (const { result } of shared) expect(result.history.at(-1)?.op).toBe(result.op);
  });

  test('two stages with the same steps stay two', () => {
    const text = 'FROM base AS a\nRUN x\nFROM base AS b\nRUN x\nFROM a\nCOPY --from=b / /';
    expect(steps(sharePlans(plans(text)))).toHaveLength(9);
  });

  test('a stage of thousands of steps', () => {
    const text = `FROM --platform=$BUILDPLATFORM base\n${'RUN x\n'.repeat(5000)}`;
    const [first, second] = sharePlans(plans(text));
    expect(first?.result.op).toBe(second?.result.op);
  });
});

describe('what a step runs on, and for', () => {
  test.for([
    ['ARG TARGETPLATFORM', 'linux/amd64->arm64'],
    ['ARG TARGETARCH', 'linux/amd64->arm64'],
    ['ARG TARGETOS', 'linux/amd64'],
    ['ENV TARGETOS=windows', 'linux/amd64->windows/amd64'],
    ['ENV TARGETARCH=arm TARGETVARIANT=v6', 'linux/amd64->arm/v6'],
    ['ENV TARGETPLATFORM=what/is/this/thing', 'linux/amd64'],
    ['ENV X=1', 'linux/amd64'],
  ] as const)('%s: %s', ([line, want]) => {
    const [, arm64] = plans(`FROM --platform=$BUILDPLATFORM base\n${line}\nRUN x`);
    const op = arm64?.result.op;
    expect(op?.op === 'run' && op.origin.platform).toBe(want);
  });
});
