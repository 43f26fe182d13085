import { canonicalJson, type DiffId, type ImageConfig } from '../oci/index.ts';
import type { HistoryDraft, PlannedStage } from '../plan/index.ts';
import {
  asLocal,
  type BlobStore,
  type FactStore,
  inTurns,
  type LayerStore,
  type LocalLayer,
  type ResolvedImage,
  type Solver,
  type StoredImage,
  writeLayerRecord,
} from '../solve/index.ts';
import { clampTimes, type LayerId } from '../tree/index.ts';
import { type HistoryLine, makeImageConfig } from './image-config.ts';

export type AssemblePorts = {
  readonly facts: FactStore;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly solver: Solver;
  readonly images: ReadonlyMap<string, ResolvedImage>;
  /** Digest and size of a layer's canonical tar. */
  readonly measure: (layer: LayerId) => Promise<{ readonly diffId: DiffId; readonly size: number }>;
};

/** Turns a planned stage whose ops are solved into an image of the local store: its configuration is written. */
export async function assembleImage(
  stage: PlannedStage,
  sourceDateEpoch: number | undefined,
  ports: AssemblePorts,
): Promise<StoredImage> {
  const base = stage.image === undefined ? undefined : ports.images.get(stage.image);
  await ports.solver.solve(stage.op);
  const history: HistoryLine[] = [];
  for (const draft of stage.history) history.push(await historyLine(draft, sourceDateEpoch, ports));
  const config = makeImageConfig({
    platform: imagePlatform(stage, base?.config),
    config: stage.config,
    author: stage.author,
    base: base?.config,
    baseLayers: base?.layers ?? [],
    history,
    sourceDateEpoch,
  });
  const { digest } = await ports.blobs.putBytes(new TextEncoder().encode(canonicalJson(config)));
  const own = history.flatMap(({ layer }) => layer ?? []);
  const platform = imagePlatform(stage, base?.config);
  // What steps have read of the base is in the store by now
  const below = await Promise.all((base?.layers ?? []).map((layer) => asLocal(layer, ports)));
  return { id: digest, platform, layers: [...below, ...own] };
}

/** The base knows best what it is for (its variant, its OS version). */
function imagePlatform(stage: PlannedStage, base: ImageConfig | undefined): StoredImage['platform'] {
  const { os, architecture, variant } = base ?? stage.platform;
  const version = base?.['os.version'];
  return {
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(version === undefined ? {} : { 'os.version': version }),
  };
}

async function historyLine(
  { createdBy: line, op }: HistoryDraft,
  epoch: number | undefined,
  ports: AssemblePorts,
): Promise<HistoryLine> {
  if (op === undefined) return { createdBy: line };
  // The mark by which tools tell this form of line from that of older builders; a WORKDIR never has it
  const createdBy = op.op === 'workdir' ? line : `${line} # buildkit`;
  const { layer, created } = await ports.solver.solve(op);
  const time = created === undefined ? {} : { created };
  if (layer === undefined) return { createdBy, ...time };
  return { createdBy, ...time, layer: await storedLayer(layer, epoch, ports) };
}

async function storedLayer(
  id: LayerId,
  epoch: number | undefined,
  ports: AssemblePorts,
): Promise<LocalLayer> {
  const layer = epoch === undefined ? id : await clampedLayer(id, epoch, ports);
  const fact = `diff:${layer}`;
  const [, diffId, size] = /^(sha256:[0-9a-f]{64}) (\d+)$/.exec((await ports.facts.get(fact)) ?? '') ?? [];
  if (diffId !== undefined) return { layer, diffId: diffId as DiffId, size: Number(size) };
  const measured = await ports.measure(layer);
  await ports.facts.put(fact, `${measured.diffId} ${measured.size}`);
  // When it comes back from a registry it need not be fetched
  await writeLayerRecord(ports.facts, measured.diffId, { layer, size: measured.size });
  return { layer, ...measured };
}

/** The same layer with no time later than the epoch. */
async function clampedLayer(id: LayerId, epoch: number, { facts, layers }: AssemblePorts): Promise<LayerId> {
  const fact = `clamped:${epoch}:${id}`;
  const known = (await facts.get(fact)) as LayerId | undefined;
  if (known !== undefined && (await layers.has(known))) return known;
  const { entries } = await layers.read(id);
  const clamped = await layers.write(await inTurns(clampTimes(entries, epoch)));
  await facts.put(fact, clamped.id);
  return clamped.id;
}
