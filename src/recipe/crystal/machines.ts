/** A kind of machine that Debian's compiler can be told to compile for. */
export type Machine = {
  /** `TARGETARCH` with `TARGETVARIANT`, as a pattern of the shell. */
  readonly pattern: string;
  /** `TARGETARCH`: stages are called by it. */
  readonly architecture: string;
  /** Debian's name of it. */
  readonly debian: string;
  /** What its compilers and libraries are called. */
  readonly triplet: string;
  /** The same for musl, which small programs are linked with. */
  readonly musl: string;
  /** The distribution whose libraries fit. */
  readonly suite: string;
};

export const MACHINES: readonly Machine[] = [
  {
    pattern: 'amd64*',
    architecture: 'amd64',
    debian: 'amd64',
    triplet: 'x86_64-linux-gnu',
    musl: 'x86_64-linux-musl',
    suite: 'trixie',
  },
  {
    pattern: 'arm64*',
    architecture: 'arm64',
    debian: 'arm64',
    triplet: 'aarch64-linux-gnu',
    musl: 'aarch64-linux-musl',
    suite: 'trixie',
  },
  // Crystal's time_t has 32 bits there, and so do bookworm's libraries
  {
    pattern: 'armv7',
    architecture: 'arm',
    debian: 'armhf',
    triplet: 'arm-linux-gnueabihf',
    musl: 'arm-linux-musleabihf',
    suite: 'bookworm',
  },
];
