import type { Workload } from '../harness/types.ts';
import { cached40, cachedManyFiles } from './cached.ts';
import { cachedDemo } from './cached-demo.ts';
import { copyGiB, copyManyFiles } from './copy.ts';
import { crossCrystal } from './cross-crystal.ts';
import { exportGiB } from './export.ts';
import { oneChange } from './one-change.ts';
import { registryBlob, registryMemory } from './registry-blob.ts';
import { registryPull } from './registry-pull.ts';
import { eightStages, layerOfRun, runChain } from './run.ts';
import { startUp } from './start-up.ts';
import { unpack } from './unpack.ts';

/** In the order in which they run without names. */
export const WORKLOADS: readonly Workload[] = [
  startUp,
  cachedDemo,
  cached40,
  runChain,
  eightStages,
  layerOfRun,
  unpack,
  copyGiB,
  exportGiB,
  registryPull,
  registryBlob,
  registryMemory,
  cachedManyFiles,
  oneChange,
  copyManyFiles,
  crossCrystal,
];
