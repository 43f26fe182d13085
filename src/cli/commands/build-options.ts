import type { OptionSpec } from '../command.ts';
import { RECIPE_OPTIONS } from '../recipe-flags.ts';
import { SANDBOX_OPTIONS } from '../sandbox-flags.ts';

const NO_CACHE_EXCHANGE = 'the cache is local and always used; leave this flag out';

/** Flags of `lapidary build`: the names and the meaning of docker's. */
export const BUILD_OPTIONS: readonly OptionSpec[] = [
  { flags: '-t, --tag NAME', help: 'Name of the image in the local store', repeat: true },
  {
    flags: '-f, --file FILE',
    help: 'Dockerfile (default: PATH/Dockerfile): a file or URL; - reads it from standard input; relative to PATH where that is no directory',
  },
  { flags: '--target STAGE', help: 'Stage to build (default: the last one)' },
  {
    flags: '--build-arg NAME[=VALUE]',
    help: 'Value of an ARG; without =VALUE the one that the environment has',
    repeat: true,
  },
  {
    flags: '--platform OS/ARCH[,…]',
    help: 'Platforms of the image (default: that of this machine, also called local); several give one index',
    repeat: true,
  },
  {
    flags: '--preflight MODE',
    help: 'What would keep the image from being started (a program, interpreter or library that is missing or for another machine): warn (default), error (before any output is written or name moves) or off',
  },
  {
    flags: '--max-size SIZE[,compressed]',
    help: 'Fail before any output is written or name moves when the layers of an image take more than this, such as 50MB or 48MiB: uncompressed, as `images` shows it, or compressed, as registries do',
  },
  {
    flags: '--test COMMAND',
    help: 'Run this in the image of every platform before any output is written or name moves: a line for its shell, or a JSON list',
    repeat: true,
  },
  {
    flags: '--test-health',
    help: 'Start the image of every platform, and wait until its HEALTHCHECK succeeds, before any output is written or name moves',
  },
  {
    flags: '--shard NUMBER/COUNT',
    help: 'Build a part of the platforms, such as 1/2 on the first of two machines, into an OCI layout; see merge',
  },
  { flags: '--all-platforms', help: 'Every platform that all base images are there for' },
  {
    flags: '-o, --output SPEC',
    help: 'type=oci|docker|tar|local,dest=PATH[,tar=false], or type=registry[,name=NAME,NAME][,push-by-digest=true][,registry.insecure=true]; for files [,platform-split=false]; for layers [,compression=gzip|estargz|zstd|uncompressed][,compression-level=N][,force-compression=true]; oci-mediatypes=false for the media types of Docker’s schema 2; a path alone is a local directory, - a tar on standard output',
    repeat: true,
  },
  { flags: '--push', help: 'Push to the registries of all names: --output type=registry' },
  {
    flags: '--build-context NAME=VALUE',
    help: 'Another build context, which goes before stages and images of its name: a directory, a git or http(s) URL, oci-layout://DIRECTORY[:TAG] or docker-image://REFERENCE',
    repeat: true,
  },
  {
    flags: '--pull[=POLICY]',
    help: 'When registries are asked for base images: missing (default), always (without a value), newer (a registry that cannot be reached is no error), never',
    bare: 'always',
  },
  {
    flags: '--locked',
    help: 'Use exactly what the lock file says of base images, URLs and repositories, and refuse everything else',
  },
  { flags: '--lock-file FILE', help: 'The lock file (default: lapidary.lock beside the Dockerfile)' },
  { flags: '--label NAME=VALUE', help: 'Label of the image', repeat: true },
  {
    flags: '--unset KIND[=NAME]',
    help: 'Take back configuration that the image would inherit: env, label, volume, expose, healthcheck, entrypoint, cmd, user, workdir, stopsignal, shell, onbuild or maintainer',
    repeat: true,
  },
  {
    flags: '--call METHOD[,format=json]',
    help: 'Instead of building: check (what looks wrong), outline (arguments and secrets of the target) or targets (stages)',
  },
  { flags: '--check', help: 'The same as --call=check; exit code 1 when anything is found' },
  { flags: '--fix', help: 'Check, and repair in the Dockerfile what can be repaired safely' },
  { flags: '--no-cache', help: 'Execute every step anew' },
  { flags: '--no-cache-filter STAGE', help: 'Execute the steps of a stage anew', repeat: true },
  {
    flags: '--secret SPEC',
    help: 'For RUN --mount=type=secret: id=NAME,src=FILE or id=NAME,env=VARIABLE',
    repeat: true,
  },
  {
    flags: '--ssh SPEC',
    help: 'For RUN --mount=type=ssh: default, or ID=SOCKET or ID=KEY[,KEY]',
    repeat: true,
  },
  { flags: '--network MODE', help: 'Network of the steps that name none: default, host or none' },
  {
    flags: '--allow RIGHT',
    help: 'Let steps ask for network.host or security.insecure',
    repeat: true,
  },
  ...RECIPE_OPTIONS,
  ...SANDBOX_OPTIONS,
  { flags: '--progress MODE', help: 'auto, plain, tty, quiet or rawjson (default: auto)' },
  { flags: '-q, --quiet', help: 'No progress; print only the image ID' },
  { flags: '--iidfile FILE', help: 'Write the image ID to a file' },
  { flags: '--metadata-file FILE', help: 'Write facts about the result to a file, as JSON' },
  {
    flags: '--source-date-epoch SECONDS',
    help: 'Time of the image and latest time of its files (default: $SOURCE_DATE_EPOCH)',
  },
  { flags: '-j, --jobs N', help: 'Steps that run at the same time (default: the number of cores)' },
  { flags: '--annotation NAME=VALUE', help: '', unsupported: 'use --label' },
  { flags: '--attest SPEC', help: '', unsupported: 'no attestations are made; leave this flag out' },
  { flags: '--builder NAME', help: '', unsupported: 'there is one builder: this program' },
  { flags: '--cache-from SPEC', help: '', unsupported: NO_CACHE_EXCHANGE },
  { flags: '--cache-to SPEC', help: '', unsupported: NO_CACHE_EXCHANGE },
  { flags: '--compress', help: '', unsupported: 'use --output with compression=gzip' },
  { flags: '--cpu-quota N', help: '', unsupported: 'use --cpus' },
  { flags: '--load', help: '', unsupported: 'images are in the local store anyway; leave this flag out' },
  { flags: '--policy SPEC', help: '', unsupported: 'there are no source policies' },
  { flags: '--provenance SPEC', help: '', unsupported: 'no attestations are made; leave this flag out' },
  { flags: '--rm', help: '', unsupported: 'steps leave no containers; leave this flag out' },
  { flags: '--sbom SPEC', help: '', unsupported: 'no attestations are made; leave this flag out' },
  { flags: '--squash', help: '', unsupported: 'copy the files into a last stage instead' },
];
