export { type LayerMeasure, measureLayer } from './compress-layer.ts';
export { packLayer } from './pack-layer.ts';
export type { ExportPorts, ImageOutput, WriteImageRequest, WriteImageResult } from './types.ts';
export { writeImage } from './write-image.ts';
