import { type Digest, formatPlatform, hostPlatform, type Platform } from '../oci/index.ts';
import type { EmulatedCommand } from '../sandbox/index.ts';
import { type BuildEvent, layerSize, type StoredImage } from '../solve/index.ts';
import { type LocalStore, measureIn } from './local-store.ts';
import { normaliseTag } from './outputs.ts';

export type BootstrapRequest = {
  readonly name: 'debian';
  /** Code name or suite of the distribution: `trixie`. */
  readonly suite: string;
  /** Without documentation, manual pages and translations. */
  readonly slim: boolean;
  readonly tag: string;
  readonly platform?: Platform;
  /** Packages to install on top of the minimal set. */
  readonly include: readonly string[];
  /** URL of an archive; default: what the host itself uses. */
  readonly mirror?: string;
  /** Accepts Release files that have expired, as frozen snapshots have them. */
  readonly allowExpired: boolean;
  /** See `BuildOptions`. */
  readonly emulators?: Readonly<Record<string, string>>;
  readonly searchPath?: string;
};

type BootstrapOptions = { readonly signal?: AbortSignal; readonly onEvent?: (event: BuildEvent) => void };

/** Makes a base image from Debian's archive and tags it. Nothing is tagged when it fails. */
export async function bootstrapBase(
  request: BootstrapRequest,
  store: LocalStore,
  { signal = new AbortController().signal, onEvent = () => undefined }: BootstrapOptions,
): Promise<{ readonly reference: string; readonly id: Digest; readonly size: number }> {
  const reference = normaliseTag(request.tag);
  const platform = request.platform ?? hostPlatform(process.arch, 'linux');
  const { bootstrapDebian, importRootfsTar } = await import('../context/index.ts');
  using emulation = await emulationFor(platform, { request, store });
  const { suite, slim, include, mirror, allowExpired } = request;
  const onLine = (line: string): void => onEvent({ type: 'phase', name: 'bootstrap', detail: line });
  const options = {
    suite,
    slim,
    include,
    allowExpired,
    onLine,
    platform,
    ...(emulation && { prefix: emulation.prefix }),
    ...(mirror === undefined ? {} : { mirror }),
  };
  const { tar, done } = bootstrapDebian(options, signal);
  const measure = measureIn(store);
  const imported = importRootfsTar(tar, {
    platform,
    createdBy: `lapidary bootstrap debian:${suite}${slim ? '-slim' : ''} ${include.join(' ')}`.trim(),
    measure: (layer) => measure(layer.id),
    ports: store,
    signal,
  });
  // When the program fails its own words say more than the archive that it left half written
  const [made, ended] = await Promise.allSettled([imported, done]);
  if (ended.status === 'rejected') throw ended.reason;
  if (made.status === 'rejected') throw made.reason;
  const image = made.value;
  const others = (await store.images.get(reference))?.images ?? [];
  await store.images.tag(reference, withPlatform(others, image));
  onEvent({ type: 'tagged', reference, id: image.id });
  return { reference, id: image.id, size: image.layers.reduce((sum, layer) => sum + layerSize(layer), 0) };
}

/** The same name for several platforms: what it stood for on this one is replaced, what is there for others stays. */
export function withPlatform(images: readonly StoredImage[], made: StoredImage): readonly StoredImage[] {
  const name = formatPlatform(made.platform);
  const at = images.findIndex(({ platform }) => formatPlatform(platform) === name);
  return at < 0 ? [...images, made] : images.toSpliced(at, 1, made);
}

/** Packages are configured by their own programs. */
async function emulationFor(
  platform: Platform,
  { request, store }: { readonly request: BootstrapRequest; readonly store: LocalStore },
): Promise<EmulatedCommand | undefined> {
  const native = platform.architecture === hostPlatform(process.arch, 'linux').architecture;
  if (native) return undefined;
  const { emulateCommand } = await import('../sandbox/index.ts');
  const { searchPath, emulators } = request;
  return emulateCommand({ platform, scratch: store.paths.work, searchPath, emulators });
}
