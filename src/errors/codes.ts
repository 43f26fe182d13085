/**
 * Every stable error code with what it means. The union of codes, the exit code and the page
 * `docs/errors.md` are all drawn from this table. Codes are never renamed once released.
 */
export const ERROR_CODES = {
  // Command line
  USAGE: 'The command line is not understood.',
  UNSUPPORTED: 'The input is valid but asks for something that is not supported.',
  // OCI data
  DIGEST_INVALID: 'Text that should be a digest is not one.',
  DIGEST_MISMATCH: 'Bytes do not have the digest they were promised to have.',
  REFERENCE_INVALID: 'An image name is not a valid reference.',
  GIT_REF_INVALID: 'A git URL is malformed or contradicts itself.',
  PLATFORM_INVALID: 'A platform is not of the form os/arch[/variant].',
  MANIFEST_INVALID: 'A manifest, index or image configuration is malformed.',
  DURATION_INVALID: 'A duration is not numbers with units, such as 10s or 1m30s.',
  // Archives
  TAR_INVALID: 'A tar archive is malformed, truncated or unsafe.',
  ARCHIVE_UNSUPPORTED: 'An archive uses a compression or format that is not supported.',
  // Programs
  ELF_INVALID: 'A program or library is damaged: its headers contradict themselves.',
  CLOSURE_INCOMPLETE:
    'A program needs a library or interpreter that is nowhere in the image it is copied from.',
  // Trees
  PATH_ESCAPES: 'A path leads outside of the tree it belongs to.',
  PATH_NOT_FOUND: 'A path does not exist in the tree it is looked up in.',
  PATH_LOOP: 'Too many symbolic links in a path.',
  NOT_A_DIRECTORY: 'A path that must be a directory is something else.',
  IS_A_DIRECTORY: 'A path that must be a file is a directory.',
  USER_NOT_FOUND: 'A user or group name is not in the image.',
  PATTERN_INVALID: 'A wildcard pattern is malformed.',
  // Dockerfile
  DOCKERFILE_SYNTAX: 'A Dockerfile is not well formed.',
  DOCKERFILE_NOT_FOUND: 'The Dockerfile does not exist or cannot be read.',
  DOCKERFILE_UNKNOWN_INSTRUCTION: 'An instruction does not exist.',
  DOCKERFILE_UNKNOWN_FLAG: 'An instruction has no such flag.',
  DOCKERFILE_BAD_FLAG: 'A flag of an instruction has a value it cannot have.',
  DOCKERFILE_EXPANSION: 'A variable substitution is malformed or demands a value that is not set.',
  DOCKERFILE_STAGE: 'A stage is missing, named twice, or depends on itself.',
  DOCKERFILE_UNSUPPORTED: 'An instruction or flag is understood but not executed by this version.',
  CHECKS_FAILED: 'Checks of the Dockerfile do not hold, and `check=error=true` makes that an error.',
  // Projects without a Dockerfile
  PROJECT_INVALID: 'A project without a Dockerfile is not what its recipe can build.',
  // Building
  IMAGE_NOT_FOUND: 'An image was found in none of the places that were tried.',
  TARGET_NOT_FOUND: 'The stage named by --target does not exist.',
  COPY_NOTHING: 'A COPY or ADD source matches no file.',
  COPY_CONFLICT: 'A COPY or ADD destination cannot take what is copied.',
  RUN_FAILED: 'The command of a RUN instruction failed.',
  PREFLIGHT_FAILED: 'An image would not start, and `--preflight=error` makes that an error.',
  SLIM_UNKNOWN: 'What an image needs cannot be known: it starts a script, an interpreter, or nothing.',
  SIZE_EXCEEDED: 'An image is larger than `--max-size` allows.',
  TEST_FAILED: 'An image does not pass the test that was given with --test or --test-health.',
  MOUNT_FAILED:
    'Something that a RUN instruction mounts is not there, or cannot be mounted where it should be.',
  NOT_ALLOWED: 'A step asks for a right that the build was not given with --allow.',
  CONTEXT_UNREADABLE: 'The build context, or a file of it, cannot be read.',
  FETCH_FAILED: 'A file or repository could not be fetched from the network.',
  CONTEXT_CHANGED: 'A file of the build context changed while it was read.',
  // Registries
  REGISTRY_UNAUTHORIZED: 'A registry wants credentials, or does not accept the ones it was given.',
  REGISTRY_DENIED: 'A registry does not allow this to this account.',
  REGISTRY_NOT_FOUND: 'A registry does not have the manifest, blob or repository.',
  REGISTRY_RATE_LIMITED: 'A registry answers that there were too many requests.',
  REGISTRY_UNREACHABLE: 'A registry cannot be connected to, or does not answer in time.',
  REGISTRY_TLS: 'No trusted TLS connection to a registry can be made.',
  REGISTRY_FAILED: 'A registry answers with an error, or not as the protocol says.',
  REGISTRY_BLOCKED: "A registry is blocked by the user's configuration.",
  REGISTRY_CONFIG: 'A file with credentials, certificates or rules for registries cannot be used.',
  REGISTRY_CREDENTIALS: 'A credential helper is missing or fails.',
  // Lock files
  LOCK_INVALID: 'A lock file is missing, malformed, or of another version.',
  LOCK_INCOMPLETE:
    'A build with --locked needs something that its lock file does not name, or lock --check found that.',
  LOCK_MISMATCH: 'An image, file or commit is not the one that a lock file names.',
  // Machine
  RUNTIME_MISSING: 'A program that a step needs is not installed.',
  EMULATOR_MISSING: 'Programs of another architecture cannot be executed on this machine.',
  SANDBOX_FAILED: 'The sandbox for RUN steps could not be set up.',
  PERMISSION: 'The operating system refused an operation.',
  LIMIT_FAILED: 'A limit for steps cannot be enforced on this machine.',
  STORE_CORRUPT: 'The local store holds data that does not verify.',
  STORE_FAILED: 'The local store could not be read or written.',
  EXPORT_FAILED: 'An output could not be written.',
  BOOTSTRAP_FAILED: 'A base image could not be made from the Debian archive.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Exit codes of the command line: 0 success, 1 a user's error, 2 usage, 70 a bug, 130 interrupted. */
export const EXIT = { ok: 0, failed: 1, usage: 2, bug: 70, interrupted: 130 } as const;
