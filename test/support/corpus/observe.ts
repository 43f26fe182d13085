import { type CheckReport, Lapidary } from '../../../src/build/index.ts';
import { linesOf, type SourceRange } from '../../../src/errors/index.ts';
import type { ContainerConfig, ImageConfig } from '../../../src/oci/index.ts';
import type { BuildEvent, StoredImage } from '../../../src/solve/index.ts';
import { openStore, type Store } from '../../../src/store/open-store.ts';
import { type Entry, Tree } from '../../../src/tree/index.ts';
import { readLayers } from '../read-layers.ts';
import { differenceLines } from './lines.ts';

export type Observation = {
  readonly store: string;
  readonly reference: string;
  readonly events: readonly BuildEvent[];
  /** Sections beyond tree and config that are wanted. */
  readonly sections: readonly string[];
};

/** What every image has that is made from nothing. */
const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** An image in the form of `expected.txt`, see the corpus's README. */
export async function describeImage({ store, reference, events, sections }: Observation): Promise<string> {
  await using opened = await openStore(store);
  await using lapidary = await Lapidary.open({ store });
  const { image, config } = await lapidary.inspect(reference);
  const base = await baseOf(image, opened);
  const layers = (await readLayers(image, opened)).map(({ entries }) => entries);
  const own = layers.slice(base);
  const [before, after] = [Tree.of(layers.slice(0, base)), Tree.of(layers)];
  const parts: Record<string, () => Promise<readonly string[]> | readonly string[]> = {
    tree: () => differenceLines(before, after, (file) => opened.layers.readContent(file)),
    config: () => configLines(config.config ?? {}),
    platform: () => [[config.os, config.architecture, config.variant].filter(Boolean).join('/')],
    author: () => [config.author ?? ''],
    history: () => historyLines(config, base),
    layers: () => own.flatMap((entries, i) => [`layer ${i + 1}`, ...entries.map(entryLine)]),
    times: () => timeLines(own.flat()),
    warnings: () => warningLines(events),
  };
  const wanted = ['tree', 'config', ...sections.filter((name) => name !== 'tree' && name !== 'config')];
  const texts: string[] = [];
  for (const name of wanted) {
    const lines = await parts[name]?.();
    if (lines === undefined) throw new Error(`there is no section [${name}]`);
    texts.push([`[${name}]`, ...lines, ''].join('\n'));
  }
  return texts.join('');
}

/** How many of an image's layers come from a base image of the store. */
async function baseOf(image: StoredImage, store: Store): Promise<number> {
  const bases = (await store.images.list()).filter(({ reference }) =>
    reference.startsWith('docker.io/library/'),
  );
  const depths = bases.flatMap(({ images }) =>
    images.map(({ layers }) =>
      layers.every(({ diffId }, i) => image.layers[i]?.diffId === diffId) ? layers.length : 0,
    ),
  );
  return Math.max(0, ...depths);
}

/** In the order of Docker's own type; what is empty is the same as absent. */
const FIELDS = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Healthcheck',
  'ArgsEscaped',
  'Volumes',
  'WorkingDir',
  'OnBuild',
  'Labels',
  'StopSignal',
  'Shell',
] as const satisfies (keyof ContainerConfig)[];

function configLines(config: ContainerConfig): string[] {
  return FIELDS.flatMap((name) => {
    const text = JSON.stringify(config[name] ?? null);
    const isDefault = name === 'Env' ? text === JSON.stringify([DEFAULT_PATH]) : text === '"/"';
    if (isDefault || ['null', '""', '[]', '{}'].includes(text)) return [];
    return `${name} ${text}`.replace(DEFAULT_PATH, 'PATH=…');
  });
}

function historyLines({ history = [], rootfs }: ImageConfig, base: number): string[] {
  const own = history.length - history.findIndex((_, i) => layersIn(history.slice(0, i)) >= base);
  const layers = rootfs.diff_ids.length;
  if (layersIn(history) !== layers)
    throw new Error(`${layersIn(history)} lines of history for ${layers} layers`);
  return history
    .slice(history.length - own)
    .map(({ created_by, empty_layer }) => `${empty_layer ? '     ' : 'layer'} ${JSON.stringify(created_by)}`);
}

const layersIn = (history: NonNullable<ImageConfig['history']>): number =>
  history.filter((entry) => entry.empty_layer !== true).length;

function entryLine(entry: Entry): string {
  const kind = entry.kind === 'node' ? entry.node.type : entry.kind;
  return `  ${kind} /${entry.path}`;
}

function timeLines(entries: readonly Entry[]): string[] {
  return entries.flatMap((entry) => {
    if (entry.kind !== 'node') return [];
    const { mtime, mtimeNs } = entry.node;
    const time = new Date(mtime * 1000).toISOString().replace('.000Z', '');
    return `${time}${mtimeNs === 0 ? '' : `.${String(mtimeNs).padStart(9, '0')}`}Z /${entry.path}`;
  });
}

function warningLines(events: readonly BuildEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
}

/** What a check found, as the section `[checks]`. */
export function checkLines({ source, findings, failures }: CheckReport): string {
  const lineOf = (at: SourceRange): number => linesOf(at).start;
  const lines = [
    ...findings.map(
      ({ rule, finding }) => `${rule.name} ${lineOf({ source, span: finding.span })}: ${finding.message}`,
    ),
    ...failures.map((error) => `error ${lineOf(error.at)}: ${error.message}`),
  ];
  return ['[checks]', ...lines, ''].join('\n');
}
