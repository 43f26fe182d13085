import type { StepKey } from '../plan/index.ts';
import type { LayerId } from '../tree/index.ts';
import type { FactStore, LayerStore } from './ports/index.ts';

/** What is remembered of a step: the layer it made, or that it changed nothing; and when (ISO 8601). */
export type StepRecord = { readonly layer: LayerId | undefined; readonly created: string };

const NO_LAYER = 'none';

/** `undefined` when the step is not known, or its layer is no longer there. */
export async function readStepRecord(
  facts: FactStore,
  layers: LayerStore,
  key: StepKey,
): Promise<StepRecord | undefined> {
  const text = await facts.get(`step:${key}`);
  const [, layer, created] = /^(none|sha256:[0-9a-f]{64}) (\S+)$/.exec(text ?? '') ?? [];
  if (layer === undefined || created === undefined) return undefined;
  if (layer === NO_LAYER) return { layer: undefined, created };
  return (await layers.has(layer as LayerId)) ? { layer: layer as LayerId, created } : undefined;
}

export async function writeStepRecord(facts: FactStore, key: StepKey, record: StepRecord): Promise<void> {
  await facts.put(`step:${key}`, `${record.layer ?? NO_LAYER} ${record.created}`);
}
