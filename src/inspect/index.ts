export { compareConfigs, type SettingChange } from './compare-config.ts';
export { compareTrees, type Difference, type PathChange } from './compare-files.ts';
export type { DirectorySize } from './directory-sizes.ts';
export { type ImageView, PREFLIGHT_RULES, type PreflightFinding, type PreflightRule } from './finding.ts';
export { type ImageContents, type LayerContents, layerLines } from './image-contents.ts';
export type { PackageSize } from './packages.ts';
export { preflight } from './preflight.ts';
export { type LayerSize, type SizeReport, sizeReport } from './size-report.ts';
export type { Duplicate, WastedFile } from './wasted.ts';
