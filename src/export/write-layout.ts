import { LapidaryError } from '../errors/index.ts';
import {
  asDockerLayer,
  canonicalJson,
  type Descriptor,
  familiarName,
  MEDIA,
  parseReference,
} from '../oci/index.ts';
import type { StoredLayer } from '../solve/index.ts';
import { writeArchive } from './archive.ts';
import { layerBlob } from './layer-blob.ts';
import { layerTarMember, localLayer } from './layer-tar.ts';
import {
  LAYOUT_MARK,
  type LayerMember,
  type LayoutImage,
  layoutImage,
  layoutIndex,
  layoutIndexJson,
  namedDescriptors,
} from './layout.ts';
import { writeLayoutDirectory } from './layout-directory.ts';
import { blobMember, blobName, bytesMember, type Member } from './member.ts';
import { openOutput } from './output.ts';
import type { ExportPorts, ImageOutput, WriteImageRequest, WriteImageResult } from './types.ts';

type LayoutOutput = Extract<ImageOutput, { readonly tar: boolean }>;

/** An OCI layout, as an archive or a directory. */
export async function writeOci(
  request: WriteImageRequest,
  output: LayoutOutput,
  ports: ExportPorts,
): Promise<WriteImageResult> {
  const { references, signal } = request;
  const { compression = 'gzip', compressionLevel: level, forceCompression = false, ociMediaTypes } = output;
  const types = { ociMediaTypes };
  async function asBlob(layer: StoredLayer): Promise<LayerMember> {
    // What Docker's media types have no name for is compressed anew
    const force = forceCompression || (ociMediaTypes === false && isUnnamed(layer));
    const options = { compression, level, force, signal };
    const { descriptor, diffId } = await layerBlob(layer, ports, options);
    return { descriptor, diffId, member: blobMember(descriptor, ports.blobs) };
  }
  const images: LayoutImage[] = [];
  for (const image of request.images) images.push(await layoutImage(image, { ...ports, ...types }, asBlob));
  const [first] = images;
  const { members, descriptor } = images.length === 1 && first ? first : layoutIndex(images, types);
  const manifests = namedDescriptors(descriptor, references);
  if (!output.tar) {
    if (output.dest === '-') throw notStreamed();
    const size = await writeLayoutDirectory(output.dest, { members, manifests, signal });
    return { descriptor, size, warnings: [] };
  }
  const size = await writeLayoutArchive(request, [...members, ...layoutFiles(manifests)]);
  return { descriptor, size, warnings: [] };
}

/**
 * What `docker load` reads, in the form that `docker save` has had since Docker 25: an OCI layout with uncompressed
 * layers, and a `manifest.json` that points into it for all readers of the older form.
 */
export async function writeDocker(
  request: WriteImageRequest,
  output: LayoutOutput,
  ports: ExportPorts,
): Promise<WriteImageResult> {
  const [image, ...more] = request.images;
  if (image === undefined || more.length > 0 || !output.tar) throw notDocker(output);
  function asTar(layer: StoredLayer): Promise<LayerMember> {
    const digest = layer.diffId as string as Descriptor['digest']; // a tar that is a blob has one digest for both
    const descriptor = { mediaType: MEDIA.ociLayer, digest, size: localLayer(layer).size };
    return Promise.resolve({ descriptor, diffId: layer.diffId, member: layerTarMember(layer, ports) });
  }
  const { members, descriptor } = await layoutImage(
    image,
    { ...ports, ociMediaTypes: output.ociMediaTypes },
    asTar,
  );
  const manifest = {
    Config: blobName(image.id),
    RepoTags: request.references.map((reference) => familiarName(parseReference(reference))),
    Layers: image.layers.map(({ diffId }) => blobName(diffId)),
  };
  const manifestJson = bytesMember('manifest.json', Buffer.from(canonicalJson([manifest])));
  const files = layoutFiles(namedDescriptors(descriptor, request.references));
  const size = await writeLayoutArchive(request, [...members, ...files, manifestJson]);
  return { descriptor, size, warnings: [] };
}

const isUnnamed = ({ blob }: StoredLayer): boolean => blob !== undefined && asDockerLayer(blob) === undefined;

function layoutFiles(manifests: readonly Descriptor[]): Member[] {
  return [bytesMember('oci-layout', LAYOUT_MARK), bytesMember('index.json', layoutIndexJson(manifests))];
}

async function writeLayoutArchive(request: WriteImageRequest, members: readonly Member[]): Promise<number> {
  const { stdout, signal, output } = request;
  await using file = await openOutput({ dest: output.dest, stdout, signal });
  await writeArchive(file, members, signal);
  await file.commit();
  return file.size;
}

function notStreamed(): LapidaryError {
  return new LapidaryError('EXPORT_FAILED', 'a layout directory cannot be written to "-"', {
    hint: 'leave out tar=false to write an archive',
  });
}

function notDocker(output: LayoutOutput): LapidaryError {
  return output.tar
    ? new LapidaryError('UNSUPPORTED', 'a Docker archive holds one platform only', {
        hint: 'use type=oci, or build one platform at a time',
      })
    : new LapidaryError('UNSUPPORTED', 'a Docker archive cannot be written as a directory', {
        hint: 'use type=oci for tar=false',
      });
}
