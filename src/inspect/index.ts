export { type ImageView, PREFLIGHT_RULES, type PreflightFinding, type PreflightRule } from './finding.ts';
export { preflight } from './preflight.ts';
