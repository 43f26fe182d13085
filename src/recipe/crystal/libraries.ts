/** What the linker is asked for, to the packages of Debian that have it, with what its static archive needs in turn. */
export const LIBRARY_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  z: ['zlib1g-dev'],
  gc: ['libgc-dev'],
  event: ['libevent-dev'],
  'pcre2-8': ['libpcre2-dev'],
  pcre: ['libpcre3-dev'],
  ssl: ['libssl-dev', 'libzstd-dev', 'zlib1g-dev'],
  crypto: ['libssl-dev', 'libzstd-dev', 'zlib1g-dev'],
  xml2: ['libxml2-dev', 'liblzma-dev', 'libicu-dev', 'zlib1g-dev'],
  yaml: ['libyaml-dev'],
  gmp: ['libgmp-dev'],
  sqlite3: ['libsqlite3-dev'],
  pq: ['libpq-dev'],
  lzma: ['liblzma-dev'],
  zstd: ['libzstd-dev'],
  lz4: ['liblz4-dev'],
  bz2: ['libbz2-dev'],
  brotlienc: ['libbrotli-dev'],
  brotlidec: ['libbrotli-dev'],
  brotlicommon: ['libbrotli-dev'],
  archive: ['libarchive-dev'],
  curl: ['libcurl4-openssl-dev'],
  ssh2: ['libssh2-1-dev'],
  git2: ['libgit2-dev'],
  sodium: ['libsodium-dev'],
  gcrypt: ['libgcrypt20-dev'],
  argon2: ['libargon2-dev'],
  magic: ['libmagic-dev'],
  readline: ['libreadline-dev', 'libncurses-dev'],
  ncurses: ['libncurses-dev'],
  ncursesw: ['libncurses-dev'],
  tinfo: ['libncurses-dev'],
  edit: ['libedit-dev'],
  cmark: ['libcmark-dev'],
  rdkafka: ['librdkafka-dev'],
  zmq: ['libzmq3-dev'],
  hiredis: ['libhiredis-dev'],
  lmdb: ['liblmdb-dev'],
  rocksdb: ['librocksdb-dev'],
  leveldb: ['libleveldb-dev'],
  uv: ['libuv1-dev'],
  ffi: ['libffi-dev'],
  png: ['libpng-dev'],
  jpeg: ['libjpeg-dev'],
  gd: ['libgd-dev'],
  vips: ['libvips-dev'],
  usb: ['libusb-dev'],
  'usb-1.0': ['libusb-1.0-0-dev'],
  udev: ['libudev-dev'],
  systemd: ['libsystemd-dev'],
  lua: ['liblua5.4-dev'],
  'lua5.4': ['liblua5.4-dev'],
};

/** Of the C library and the compiler: always there. */
export const C_LIBRARIES: readonly string[] = [
  'c',
  'm',
  'dl',
  'rt',
  'pthread',
  'util',
  'resolv',
  'gcc',
  'gcc_s',
];

/** What every program is linked with; the compiler looks for these when it evaluates macros, too. */
export const BASE_LIBRARIES: readonly string[] = ['gc', 'event', 'pcre2-8', 'z'];

/** Packages by `-dev` name for libraries, each once, sorted. */
export function packagesOf(libraries: readonly string[]): string[] {
  return [...new Set(libraries.flatMap((name) => LIBRARY_PACKAGES[name] ?? []))].sort();
}
