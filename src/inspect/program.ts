import {
  architectureOf,
  closureOf,
  type ElfObject,
  type Found,
  loaderOf,
  type Missing,
  SHEBANG_BYTES,
} from '../elf/index.ts';
import { LapidaryError, quoted } from '../errors/index.ts';
import { formatPlatform, type Platform } from '../oci/index.ts';
import { mayUse } from './access.ts';
import type { PreflightFinding } from './finding.ts';
import type { Scene } from './scene.ts';

type Problem = Omit<PreflightFinding, 'setting'>;

/** Scripts that are run by scripts: Linux allows no more. */
const MAX_DEPTH = 5;
/** How many missing libraries a message names. */
const NAMED = 5;

/** What would keep the kernel and the loader from starting a file that is there and may be executed. */
export async function findingsOfProgram(scene: Scene, found: Found, depth = 0): Promise<Problem[]> {
  const { files } = scene;
  let object: ElfObject | undefined;
  try {
    object = await files.object(found);
  } catch (error) {
    if (!(error instanceof LapidaryError)) throw error;
    return [{ rule: 'CommandNotAProgram', message: error.message, ...(error.hint && { hint: error.hint }) }];
  }
  if (object !== undefined) return elfFindings(scene, found, object);
  const shebang = await files.shebang(found);
  if (shebang === undefined) return [await notAProgram(scene, found)];
  if (!mayUse(found.node, scene.user, 'read'))
    return [
      {
        rule: 'CommandNotExecutable',
        message: 'its interpreter may not read the script',
        hint: 'give it a mode such as 0755',
      },
    ];
  const interpreter = files.find(shebang.interpreter);
  if (interpreter === undefined) return [noInterpreter(found, shebang.interpreter)];
  if (depth < MAX_DEPTH) {
    const below = await findingsOfProgram(scene, interpreter, depth + 1);
    if (below.length > 0)
      return below.map((one) => ({
        ...one,
        message: `its interpreter ${quoted(shebang.interpreter)}: ${one.message}`,
      }));
  }
  return missingFindings(scene, found);
}

async function elfFindings(scene: Scene, found: Found, object: ElfObject): Promise<Problem[]> {
  const architecture = architectureOf(object.target);
  if (architecture !== undefined && !runs(scene.platform, architecture)) {
    return [
      {
        rule: 'CommandOtherArchitecture',
        message: `it is a program for ${architecture}, and the image is for ${formatPlatform(scene.platform)}`,
        hint: `build it for the platform of the image, or build the image with --platform linux/${architecture}`,
      },
    ];
  }
  const { interpreter } = object;
  if (interpreter !== undefined && scene.files.find(interpreter) === undefined)
    return [noLoader(scene, object, interpreter)];
  return missingFindings(scene, found);
}

/** Processors of 64 bits run programs of their 32-bit predecessors. */
function runs({ architecture }: Platform, of: string): boolean {
  const also: Readonly<Record<string, string>> = { amd64: '386', arm64: 'arm' };
  return architecture === of || also[architecture] === of || !KNOWN.has(architecture);
}

const KNOWN = new Set(['386', 'amd64', 'arm', 'arm64', 'ppc64le', 'riscv64', 's390x']);

/** What the loader, and `env`, would not find. */
async function missingFindings(scene: Scene, found: Found): Promise<Problem[]> {
  const { filesystem, libraryPath, path } = scene;
  let missing: readonly Missing[];
  try {
    ({ missing } = await closureOf(filesystem, { roots: [`/${found.path}`], libraryPath, path }));
  } catch (error) {
    if (!(error instanceof LapidaryError)) throw error;
    return [{ rule: 'LibraryNotFound', message: error.message, ...(error.hint && { hint: error.hint }) }];
  }
  const others = missing.filter(({ kind }) => kind !== 'library');
  return [
    ...libraries(missing.filter(({ kind }) => kind === 'library')),
    ...others.map(
      ({ name, neededBy }): Problem => ({
        rule: 'InterpreterNotFound',
        message: `${quoted(neededBy)} is run by ${quoted(name)}, which is not in the image`,
        hint: 'install it, or copy the program with COPY --from=STAGE --closure',
      }),
    ),
  ];
}

function libraries(missing: readonly Missing[]): Problem[] {
  const [first] = missing;
  if (first === undefined) return [];
  const names = [...new Set(missing.map(({ name }) => name))];
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  const list = names.slice(0, NAMED).map(quoted).join(', ');
  return [
    {
      rule: 'LibraryNotFound',
      message: `${quoted(first.neededBy)} needs ${list}${more}, which ${names.length === 1 ? 'is' : 'are'} not in the image`,
      hint: `copy the program with COPY --from=STAGE --closure, or link it statically; searched: ${first.searched.join(' ')}`,
    },
  ];
}

function noInterpreter(script: Found, interpreter: string): Problem {
  const name = interpreter.endsWith('\r') ? interpreter.slice(0, -1) : undefined;
  return {
    rule: 'InterpreterNotFound',
    message: `its first line names ${quoted(interpreter)}, which is not in the image`,
    hint:
      name === undefined
        ? 'install it, or take a base that has it'
        : `${quoted(`/${script.path}`)} has the line ends of Windows: turn them into those of Linux`,
  };
}

/** The classic: a program of one C library on a base with the other. */
function noLoader({ files }: Scene, object: ElfObject, interpreter: string): Problem {
  const names = [...(files.resolve('/lib').node?.children?.keys() ?? [])];
  const musl = names.some((name) => name.startsWith('ld-musl-'));
  const kind = loaderOf(object);
  const other = kind === 'glibc' && musl ? ', and the image has musl' : '';
  return {
    rule: 'InterpreterNotFound',
    message: `it is linked with ${kind === 'musl' ? 'musl' : 'the GNU C library'} and loaded by ${quoted(interpreter)}, which is not in the image${other}`,
    hint: 'link it statically, copy it with COPY --from=STAGE --closure, or take the base that it was built on',
  };
}

const FOR_LINUX = 'copy the program that was built for Linux';
const FOREIGN: readonly { readonly magic: string; readonly what: string; readonly hint: string }[] = [
  { magic: 'cffaedfe', what: 'it is a program for macOS', hint: FOR_LINUX },
  { magic: 'cafebabe', what: 'it is a program for macOS, or of Java', hint: FOR_LINUX },
  { magic: '4d5a', what: 'it is a program for Windows', hint: FOR_LINUX },
  {
    magic: 'efbbbf2321',
    what: 'it begins with a byte order mark, and so not with #!',
    hint: 'save it without the mark',
  },
];

async function notAProgram({ filesystem }: Scene, { node }: Found): Promise<Problem> {
  const rule = 'CommandNotAProgram';
  if (node.size === 0) return { rule, message: 'it is empty', hint: FOR_LINUX };
  const head = Buffer.from(await filesystem.open(node).read(0, SHEBANG_BYTES));
  const hex = head.toString('hex');
  const foreign = FOREIGN.find(({ magic }) => hex.startsWith(magic));
  if (foreign !== undefined) return { rule, message: foreign.what, hint: foreign.hint };
  const message = 'it is neither an ELF program nor a script that begins with #!';
  const hint = head.includes(0) ? FOR_LINUX : 'begin the script with a line such as #!/bin/sh';
  return { rule, message, hint };
}
