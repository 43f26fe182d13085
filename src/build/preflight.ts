import { LapidaryError } from '../errors/index.ts';
import type { PreflightFinding } from '../inspect/index.ts';
import type { PlannedStage } from '../plan/index.ts';
import type { BuildEvent, Solver, StoredImage } from '../solve/index.ts';
import type { LocalStore } from './local-store.ts';

/** Whether what preflight finds is told, or ends the build, or is not looked for. */
export type PreflightMode = 'warn' | 'error' | 'off';

export type PreflightPorts = {
  readonly store: LocalStore;
  readonly solver: Pick<Solver, 'solve' | 'trees'>;
  readonly emit: (event: BuildEvent) => void;
};

/** An image that was built, and what it was planned as. */
export type PreflightImage = { readonly image: StoredImage; readonly stage: PlannedStage };

/** Raised when other things are found than before. */
const VERSION = 2;
const factOf = ({ id }: StoredImage): string => `preflight-${VERSION}:${id}`;

/**
 * Tells what would keep images from being started, as warnings with the instruction that they are about. What was found
 * is a fact about the image. Nothing is fetched for it: an image whose base is elsewhere is not looked at.
 * @throws LapidaryError PREFLIGHT_FAILED in mode `error` for what is certain to fail
 */
export async function preflightImages(
  built: readonly PreflightImage[],
  mode: PreflightMode,
  ports: PreflightPorts,
): Promise<void> {
  if (mode === 'off') return;
  const looked = await Promise.all(built.map((one) => findingsOf(one, ports)));
  const nothing = looked.every((findings) => (findings ?? []).length === 0);
  if (nothing && (mode === 'warn' || looked.every((findings) => findings !== undefined))) return;
  const { tellFindings } = await import('./tell-preflight.ts');
  const images = built.map((one, i) => ({ ...one, findings: looked[i] }));
  const failed = tellFindings(images, mode, ports.emit);
  if (mode !== 'error' || failed.length === 0) return;
  const which = [...new Set(failed)].join(', ');
  throw new LapidaryError('PREFLIGHT_FAILED', `the image would not work: ${which}`, {
    hint: 'mend what is told above, or build with --preflight=warn',
  });
}

/** `undefined` where the image could not be looked at. */
async function findingsOf(
  { image, stage }: PreflightImage,
  { store, solver }: PreflightPorts,
): Promise<readonly PreflightFinding[] | undefined> {
  const known = await store.facts.get(factOf(image));
  if (known !== undefined) return JSON.parse(known) as readonly PreflightFinding[];
  if (image.layers.some(({ layer }) => layer === undefined)) return undefined;
  const { lookAtImage } = await import('./preflight-image.ts');
  // The stack as the steps have it: its tree is often known already
  const tree = await solver.trees.of((await solver.solve(stage.op)).stack);
  const findings = await lookAtImage(image, tree, store);
  await store.facts.put(factOf(image), JSON.stringify(findings));
  return findings;
}
