import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where in the store an object of many bytes is: `blobs/sha256/<name>`, `packs/<name>` or `trees/<name>`. */
export type BulkKind = 'blob' | 'pack' | 'tree';
export type BulkObject = { readonly kind: BulkKind; readonly name: string };

/** Within this time kernels have long written out what was written (proc_sys_vm(5), dirty_expire_centisecs: 30 s). */
const SETTLED_MS = 5 * 60_000;

/**
 * Notes that an object's bytes may not have reached the disk. To wait for them costs as much as to write them; instead
 * a mark is made before the object gets its name, so that after a power cut the next process knows what it must
 * look at before it believes it (`doubtfulObjects`). Marks that are old enough are removed on the way.
 *
 * `directory` is the store's own for marks; they are `<directory>/<boot>/<kind>-<name>`.
 */
export function markUnsettled(directory: string, { kind, name }: BulkObject): void {
  const marks = join(directory, bootId());
  const path = join(marks, `${kind}-${name}`);
  try {
    writeFileSync(path, '', { mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(marks, { recursive: true, mode: 0o700 });
    writeFileSync(path, '', { mode: 0o600 });
  }
  removeOldMarks(marks);
}

/** When this process last looked for old marks. */
let looked = 0;

function removeOldMarks(marks: string): void {
  const now = Date.now();
  if (now - looked < SETTLED_MS) return;
  looked = now;
  for (const name of readdirSync(marks)) {
    const path = join(marks, name);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found !== undefined && now - found.mtimeMs > SETTLED_MS) rmSync(path, { force: true });
  }
}

/**
 * What was written shortly before the machine went down, and may be damaged if it did so without warning. Empty, and
 * cheap, in all but the first look after a boot.
 */
export function doubtfulObjects(directory: string): readonly BulkObject[] {
  return earlierBoots(directory).flatMap((boot) => readdirSync(join(directory, boot)).flatMap(objectOf));
}

/** Says that the doubtful objects were looked at, and that what remains of them is good. */
export function clearDoubts(directory: string): void {
  for (const boot of earlierBoots(directory)) rmSync(join(directory, boot), { recursive: true, force: true });
}

function earlierBoots(directory: string): string[] {
  try {
    const boots = readdirSync(directory);
    return boots.length === 0 ? [] : boots.filter((boot) => boot !== bootId());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function objectOf(mark: string): BulkObject[] {
  const [, kind, name] = /^(blob|pack|tree)-([0-9A-Za-z._-]+)$/.exec(mark) ?? [];
  return name === undefined ? [] : [{ kind: kind as BulkKind, name }];
}

let boot: string | undefined;

/** Names this boot of the machine: random(4). */
function bootId(): string {
  boot ??= readBootId();
  return boot;
}

function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    // Not Linux: every mark looks like one of this boot, as it does where nothing is ever marked.
    return 'unknown';
  }
}
