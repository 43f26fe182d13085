import { mkdirSync, symlinkSync } from 'node:fs';
import { errnoOf, type Syscalls } from './syscalls.ts';

/**
 * Options that overlayfs must have for an upper directory that holds nothing but the change itself
 * (Documentation/filesystems/overlayfs.rst): no redirects, no metadata-only copies, no index.
 */
const OPTIONS = {
  trusted: [
    ['redirect_dir', 'off'],
    ['metacopy', 'off'],
    ['index', 'off'],
    ['xino', 'off'],
  ],
  // With it redirects and metadata-only copies are off, and may not be spoken of
  user: [
    ['userxattr', null],
    ['index', 'off'],
    ['xino', 'off'],
  ],
} as const;
/** No syncing by what runs inside, nor for each file that is copied up: a power cut is dealt with as for any tree. */
const VOLATILE = ['volatile', null] as const;

/** A mounted overlay. Whoever opens it disposes it; disposing twice does nothing. */
export class OverlayMount implements Disposable {
  readonly target: string;
  readonly #syscalls: Syscalls;
  #mounted = true;

  /**
   * `directory` belongs to the caller and holds `upper`; `work`, `root` (where the overlay is) and `lower` are made
   * in it. `lower` is topmost first, at least one.
   */
  static open(
    syscalls: Syscalls,
    options: {
      readonly directory: string;
      readonly lower: readonly string[];
      /** Device nodes in it can be used: as root of the machine they are those of the machine. */
      readonly devices?: boolean;
    },
  ): OverlayMount {
    const { directory, lower, devices = false } = options;
    for (const name of ['work', 'root', 'lower']) mkdirSync(`${directory}/${name}`, 0o755);
    // Short relative names: they need no escaping, and hundreds of them fit into the page that mount(2) takes.
    for (const [index, path] of lower.entries()) symlinkSync(path, `${directory}/lower/${index}`);
    const before = process.cwd();
    process.chdir(directory);
    try {
      mountHere(syscalls, lower.length, !devices);
    } finally {
      process.chdir(before);
    }
    return new OverlayMount(syscalls, `${directory}/root`);
  }

  private constructor(syscalls: Syscalls, target: string) {
    this.#syscalls = syscalls;
    this.target = target;
  }

  [Symbol.dispose](): void {
    if (!this.#mounted) return;
    this.#mounted = false;
    try {
      this.#syscalls.unmount(this.target);
    } catch (error) {
      if (errnoOf(error) !== 'EBUSY') throw error;
      this.#syscalls.unmount(this.target, true);
    }
  }
}

type Option = readonly [string, string | null];

/** Mounts on ./root from ./upper, ./work and ./lower/0, ./lower/1, …: the newest way first, then those of older kernels. */
function mountHere(syscalls: Syscalls, count: number, nodev: boolean): void {
  const names = Array.from({ length: count }, (_, index) => `lower/${index}`);
  const common: readonly Option[] = [
    ...OPTIONS[syscalls.attributes],
    ['upperdir', 'upper'],
    ['workdir', 'work'],
  ];
  const single = names.map((name): Option => ['lowerdir+', name]);
  const joined: readonly Option[] = [['lowerdir', names.join(':')], ...common];
  const attempts = [
    () => {
      const options = [...single, ...common, VOLATILE];
      syscalls.mountByOptions(options, { type: 'overlay', target: 'root', nodev });
    },
    () => mountAtOnce(syscalls, [...joined, VOLATILE], nodev),
    () => mountAtOnce(syscalls, joined, nodev),
  ];
  for (const [index, attempt] of attempts.entries()) {
    try {
      attempt();
      return;
    } catch (error) {
      const code = errnoOf(error);
      // ENOSYS before Linux 5.2; EINVAL before 6.7, which brought lowerdir+, and before 5.10, which brought volatile.
      const older = code === 'ENOSYS' || code === 'EINVAL';
      if (!older || index === attempts.length - 1) throw error;
    }
  }
}

function mountAtOnce(syscalls: Syscalls, options: readonly Option[], nodev: boolean): void {
  const data = options.map(([key, value]) => (value === null ? key : `${key}=${value}`)).join(',');
  syscalls.mount({ source: 'overlay', target: 'root', type: 'overlay', data, nodev });
}
