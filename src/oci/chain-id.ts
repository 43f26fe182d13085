import { type ChainId, type DiffId, sha256 } from './digest.ts';

/**
 * Chain IDs of every prefix of a layer stack: `result[i]` names layers 0..i, base layer first.
 *
 *     chain(L0)     = L0
 *     chain(L0..Ln) = sha256(chain(L0..Ln-1) + " " + Ln)
 *
 * Same length as `diffIds`; `[]` gives `[]`. Pure, never throws.
 * Source: OCI image-spec v1.1.1, config.md, "Layer ChainID".
 */
export function chainIds(diffIds: readonly DiffId[]): ChainId[] {
  const chain: ChainId[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(parent ? sha256<ChainId>(`${parent} ${diffId}`) : (diffId as string as ChainId));
  }
  return chain;
}
