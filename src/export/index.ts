export { type LayerMeasure, measureLayer } from './compress-layer.ts';
export { copyLayout, type LayoutCopy } from './copy-layout.ts';
export { knownBlobSize, type LayerBlob, layerBlob } from './layer-blob.ts';
export { type ImageDocument, imageDocuments, indexDocument } from './layout.ts';
export { packLayer } from './pack-layer.ts';
export type {
  ExportPorts,
  ImageOutput,
  LayerCompression,
  WriteImageRequest,
  WriteImageResult,
} from './types.ts';
export { writeImage } from './write-image.ts';
