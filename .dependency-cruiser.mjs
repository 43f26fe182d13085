// The rings of ARCHITECTURE.md as data: `npm run check:rules` turns them into findings.

const RING_0 = ['errors', 'oci', 'tar', 'tree', 'elf', 'dockerfile'];
const PURE = [...RING_0, 'plan', 'solve', 'inspect'];
const ADAPTERS = ['store', 'sandbox', 'registry', 'context', 'export'];

/** Which folders of src/ a folder may import from, besides itself. A folder that is not here may import nothing. */
const MAY_IMPORT = {
  errors: [],
  oci: ['errors'],
  tar: ['errors'],
  tree: ['errors', 'oci', 'tar'],
  elf: ['errors', 'tree'],
  dockerfile: ['errors'],
  plan: RING_0,
  solve: [...RING_0, 'plan'],
  inspect: [...RING_0, 'plan'],
  recipe: ['errors'],
  host: ['errors', 'tar'],
  ...Object.fromEntries(ADAPTERS.map((name) => [name, [...PURE, 'host']])),
  build: [...PURE, 'recipe', ...ADAPTERS],
  progress: [...RING_0, 'solve', 'build'],
  cli: [...RING_0, 'build', 'progress'],
};

/** Tests and what only they import may reach further. */
const TESTS = '\\.test\\.ts$|/test-[^/]+\\.ts$';

const ringRules = Object.entries(MAY_IMPORT).map(([folder, allowed]) => ({
  name: `ring-${folder}`,
  severity: 'error',
  comment: `src/${folder} imports only: ${allowed.join(', ') || 'nothing'}`,
  from: { path: `^src/${folder}/`, pathNot: TESTS },
  to: { path: '^src/', pathNot: `^src/(?:${[folder, ...allowed].join('|')})/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...ringRules,
    {
      name: 'known-folder',
      severity: 'error',
      comment: 'a folder of src/ has its place in the rings',
      from: { path: '^src/', pathNot: `^src/(?:${Object.keys(MAY_IMPORT).join('|')})/` },
      to: {},
    },
    {
      name: 'through-index',
      severity: 'error',
      comment: 'another folder is used through its index.ts',
      from: { path: '^src/([^/]+)/', pathNot: TESTS },
      to: { path: '^src/[^/]+/', pathNot: '^src/$1/|^src/[^/]+/index\\.ts$' },
    },
    {
      name: 'no-circle',
      severity: 'error',
      comment: 'modules do not import each other in a circle; types may',
      from: { pathNot: TESTS },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'pure-rings',
      severity: 'error',
      comment: 'rings 0 and 1 work the same everywhere: no input or output',
      from: { path: `^src/(?:${PURE.join('|')})/`, pathNot: TESTS },
      to: {
        dependencyTypes: ['core'],
        dependencyTypesNot: ['type-only'],
        pathNot: '^(?:node:)?(?:crypto|util|path/posix)$',
      },
    },
    {
      name: 'pure-packages',
      severity: 'error',
      comment: 'rings 0 and 1 need no package',
      from: { path: `^src/(?:${PURE.join('|')})/`, pathNot: TESTS },
      to: { path: 'node_modules/' },
    },
    {
      name: 'processes',
      severity: 'error',
      comment: 'programs are started by the sandbox, for bootstraps, git sources and credentials only',
      from: {
        path: '^src/',
        pathNot: `^src/sandbox/|^src/context/(?:debian-bootstrap|git-command)\\.ts$|^src/registry/credential-helper\\.ts$|${TESTS}`,
      },
      to: { path: '^(?:node:)?child_process$' },
    },
    {
      name: 'foreign-functions',
      severity: 'error',
      comment:
        'system calls are made by the sandbox only, through one door; and capabilities of files are read',
      from: { pathNot: '^src/host/foreign\\.ts$' },
      to: { path: 'node_modules/koffi/' },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'what is imported exists',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared-packages',
      severity: 'error',
      comment: 'what ships imports dependencies of package.json, not those of development',
      from: { path: '^src/', pathNot: TESTS },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
