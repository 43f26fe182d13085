import { type InspectedImage, layerSize } from '../build/index.ts';
import { type Digest, familiarName, hexOf, parseReference } from '../oci/index.ts';
import type { Value } from './template/index.ts';

/** Bytes of all layers. */
export function imageSize({ image }: InspectedImage): number {
  return image.layers.reduce((sum, layer) => sum + layerSize(layer), 0);
}

/** As docker shows image IDs: 12 digits, or all with `sha256:`. */
export function displayId(id: Digest, { full }: { readonly full: boolean }): string {
  return full ? id : hexOf(id).slice(0, 12);
}

/** Short name and tag of a stored reference. */
export function splitTag(reference: string): { readonly repository: string; readonly tag: string } {
  const name = familiarName(parseReference(reference));
  const colon = name.lastIndexOf(':');
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}

/** The short form of a stored reference. */
export function shortName(reference: string): string {
  return familiarName(parseReference(reference));
}

/** What `docker inspect` prints of an image; absent fields are null, as templates may ask for them. */
export function inspectDocument(
  found: InspectedImage,
  taggedAt: string | undefined,
): { [field: string]: Value } {
  const { image, config, references } = found;
  return {
    Id: image.id,
    RepoTags: references.map(shortName),
    RepoDigests: [],
    Created: config.created ?? null,
    Author: config.author ?? '',
    Architecture: config.architecture,
    Variant: config.variant ?? '',
    Os: config.os,
    Size: imageSize(found),
    Config: configDocument(config.config ?? {}),
    RootFS: { Type: config.rootfs.type, Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: taggedAt ?? null },
  };
}

function configDocument(config: NonNullable<InspectedImage['config']['config']>): { [field: string]: Value } {
  return {
    User: config.User ?? '',
    ExposedPorts: emptyObjects(config.ExposedPorts),
    Env: config.Env ?? null,
    Entrypoint: config.Entrypoint ?? null,
    Cmd: config.Cmd ?? null,
    Volumes: emptyObjects(config.Volumes),
    WorkingDir: config.WorkingDir ?? '',
    Labels: config.Labels === undefined ? null : new Map(Object.entries(config.Labels)),
    StopSignal: config.StopSignal ?? '',
    Healthcheck: healthcheck(config.Healthcheck),
    OnBuild: config.OnBuild ?? null,
    Shell: config.Shell ?? null,
  };
}

function healthcheck(check: NonNullable<InspectedImage['config']['config']>['Healthcheck']): Value {
  if (check === undefined) return null;
  return {
    Test: check.Test ?? null,
    Interval: check.Interval ?? 0,
    Timeout: check.Timeout ?? 0,
    StartPeriod: check.StartPeriod ?? 0,
    StartInterval: check.StartInterval ?? 0,
    Retries: check.Retries ?? 0,
  };
}

function emptyObjects(set: Readonly<Record<string, object>> | undefined): Value {
  return set === undefined ? null : new Map(Object.keys(set).map((key) => [key, {}] as const));
}
