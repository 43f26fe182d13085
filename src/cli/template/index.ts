export { compileTemplate } from './go-template.ts';
export { toJson, type Value } from './value.ts';
