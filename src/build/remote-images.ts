import { formatReference, hostPlatform, isDigest, type Platform, type Reference } from '../oci/index.ts';
import type { Repository } from '../registry/index.ts';
import type { StoredImage } from '../solve/index.ts';
import type { PullPolicy } from './image-source.ts';
import type { RemoteAccess } from './remote-access.ts';
import { chooseImage, openRemoteRoot, type RemoteImage, type RemoteRoot, readRoot } from './remote-image.ts';

/** Images of registries; what was found is tagged in the local store, its layers stay where they are. */
export class RemoteImages {
  readonly #remote: RemoteAccess;
  readonly #pull: PullPolicy;
  /** By reference: all platforms see the same, even if the tag moves meanwhile. */
  readonly #roots = new Map<string, Promise<RemoteRoot>>();
  #tagging: Promise<void> = Promise.resolve();

  constructor(remote: RemoteAccess, pull: PullPolicy) {
    this.#remote = remote;
    this.#pull = pull;
  }

  /**
   * Reads manifest and configuration of an image, no layer, and tags nothing.
   * @throws RegistryError; LapidaryError IMAGE_NOT_FOUND when there is none for the platform
   */
  async find(
    name: string,
    reference: Reference,
    platform: Platform,
  ): Promise<RemoteImage & { readonly root: RemoteRoot }> {
    const { store, registries, signal } = this.#remote;
    const repository = await registries.repository(reference);
    const root = await this.#root(repository, name, reference);
    return { ...(await chooseImage(repository, root, { store, name, signal, platform })), root };
  }

  /**
   * For what platforms there are images of a name.
   * @throws RegistryError
   */
  async platforms(name: string, reference: Reference): Promise<readonly Platform[]> {
    const repository = await this.#remote.registries.repository(reference);
    const { manifests } = await this.#root(repository, name, reference);
    const told = manifests.flatMap(({ platform }) => platform ?? []);
    if (told.length > 0) return told;
    // A manifest alone does not say it: its configuration does
    return [(await this.find(name, reference, hostPlatform(process.arch, 'linux'))).image.platform];
  }

  /** Names an image in the local store, beside those of other platforms that came from the same index. */
  tag(reference: Reference, image: StoredImage, root: RemoteRoot): Promise<void> {
    this.#tagging = this.#tagging.then(() => this.#tag(reference, image, root));
    return this.#tagging;
  }

  #root(repository: Repository, name: string, reference: Reference): Promise<RemoteRoot> {
    const key = formatReference(reference);
    const known = this.#roots.get(key) ?? this.#openRoot(repository, name, reference);
    this.#roots.set(key, known);
    return known;
  }

  async #openRoot(repository: Repository, name: string, reference: Reference): Promise<RemoteRoot> {
    const { store, signal } = this.#remote;
    const options = { store, name, signal };
    const target = reference.digest ?? reference.tag ?? 'latest';
    const remote = isDigest(target)
      ? undefined
      : (await store.images.get(formatReference(reference)))?.remote;
    if (remote === undefined || !(await store.blobs.has(remote))) {
      return openRemoteRoot(repository, target, options);
    }
    // Another platform was pulled before: this one comes from the same index, unless news were asked for
    if (this.#pull === 'missing') return readRoot(remote, options);
    const { digest } = await repository.resolve(target, { signal });
    return openRemoteRoot(repository, digest, options);
  }

  async #tag(reference: Reference, image: StoredImage, root: RemoteRoot): Promise<void> {
    const { images } = this.#remote.store;
    const name = formatReference(reference);
    const tagged = await images.get(name);
    // A name that a build or an import has given here is not taken away for the sake of another platform
    if (tagged !== undefined && tagged.remote === undefined && this.#pull === 'missing') return;
    const { digest } = root.descriptor;
    const before = tagged?.remote === digest ? tagged.images : [];
    const others = before.filter(({ manifest }) => manifest?.digest !== image.manifest?.digest);
    await images.tag(name, [...others, image], digest);
  }
}
