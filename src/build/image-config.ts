import type { ContainerConfig, HistoryEntry, ImageConfig, Platform } from '../oci/index.ts';
import type { StoredLayer } from '../solve/index.ts';

/** One history line of the result, and the layer it made, if any. */
export type HistoryLine = {
  readonly createdBy: string;
  readonly created?: string;
  readonly layer?: StoredLayer;
};

export type ConfigParts = {
  readonly platform: Platform;
  readonly config: ContainerConfig;
  readonly author: string | undefined;
  /** The base image's configuration; absent for scratch. */
  readonly base: ImageConfig | undefined;
  readonly baseLayers: readonly StoredLayer[];
  readonly history: readonly HistoryLine[];
  /** Seconds since 1970; overrides every other time. */
  readonly sourceDateEpoch: number | undefined;
};

/**
 * The configuration of the result: pure, with its keys in the order in which Docker writes them, so that equal
 * inputs give equal bytes. Without an epoch, `created` is the time of the newest step, else the base's.
 * Source: OCI image-spec v1.1.1, config.md.
 */
export function makeImageConfig(parts: ConfigParts): ImageConfig {
  const { platform, base, baseLayers, sourceDateEpoch } = parts;
  const fixed = sourceDateEpoch === undefined ? undefined : isoTime(sourceDateEpoch);
  const history = ownHistory(parts, fixed);
  const created = fixed ?? newest([base?.created, ...history.map((entry) => entry.created)]);
  const layers = [...baseLayers, ...parts.history.flatMap(({ layer }) => layer ?? [])];
  return {
    ...(created === undefined ? {} : { created }),
    ...(parts.author === undefined ? {} : { author: parts.author }),
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    ...(platform['os.version'] === undefined ? {} : { 'os.version': platform['os.version'] }),
    config: orderedConfig(parts.config),
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: [...baseHistory(base, baseLayers.length), ...history],
  };
}

/** A base that tells no history gets a line per layer: tools count lines against layers. */
function baseHistory(base: ImageConfig | undefined, layers: number): readonly HistoryEntry[] {
  if (base === undefined) return [];
  const told = base.history ?? [];
  const counted = told.filter((entry) => entry.empty_layer !== true).length;
  if (counted === layers) return told;
  return Array.from({ length: layers }, () => ({ created_by: 'base image' }));
}

function ownHistory({ history, base }: ConfigParts, fixed: string | undefined): HistoryEntry[] {
  let time = base?.created;
  return history.map(({ createdBy, created, layer }) => {
    time = created ?? time;
    const when = fixed ?? time;
    return {
      ...(when === undefined ? {} : { created: when }),
      created_by: createdBy,
      comment: 'lapidary',
      ...(layer === undefined ? { empty_layer: true } : {}),
    };
  });
}

/** The fields in the order of Docker's own type; maps sorted by key, as Go writes them. */
function orderedConfig(config: ContainerConfig): ContainerConfig {
  const ordered = {
    User: config.User || undefined,
    ExposedPorts: sortedMap(config.ExposedPorts),
    Env: nonEmpty(config.Env),
    Entrypoint: nonEmpty(config.Entrypoint),
    Cmd: nonEmpty(config.Cmd),
    Healthcheck: config.Healthcheck,
    ArgsEscaped: config.ArgsEscaped || undefined,
    Volumes: sortedMap(config.Volumes),
    WorkingDir: config.WorkingDir || undefined,
    OnBuild: nonEmpty(config.OnBuild),
    Labels: sortedMap(config.Labels),
    StopSignal: config.StopSignal || undefined,
    Shell: nonEmpty(config.Shell),
  };
  return Object.fromEntries(
    Object.entries(ordered).filter(([, value]) => value !== undefined),
  ) as ContainerConfig;
}

function nonEmpty(list: readonly string[] | undefined): readonly string[] | undefined {
  return list?.length === 0 ? undefined : list;
}

function sortedMap<T>(map: Readonly<Record<string, T>> | undefined): Record<string, T> | undefined {
  const entries = Object.entries(map ?? {});
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

function newest(times: readonly (string | undefined)[]): string | undefined {
  let best: string | undefined;
  for (const time of times) {
    if (time !== undefined && (best === undefined || Date.parse(time) > Date.parse(best))) best = time;
  }
  return best;
}

/** Seconds since 1970 as RFC 3339 in UTC without a fraction, as Docker writes fixed times. */
export function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}
