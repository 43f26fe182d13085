/**
 * Builds a context as nobody, with every system call that mounts, unshares or executes forbidden.
 * Arguments: the context, the store, the layout of a base image. Prints the image ID.
 */
import { forbidPrivilege } from './forbid-privilege.ts';

forbidPrivilege();
const { build } = await import('../../src/build/index.ts');
const [context = '', store = '', base = ''] = process.argv.slice(2);
const result = await build(
  {
    context: { type: 'directory', path: context },
    contexts: { base: `oci-layout://${base}` },
    tags: ['made'],
    outputs: [{ type: 'oci', dest: `${store}.tar`, tar: true }],
    sourceDateEpoch: 1_700_000_000,
  },
  { store },
);
process.stdout.write(`${process.getuid?.()} ${result.images[0]?.id}\n`);
