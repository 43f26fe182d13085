import { createReadStream, realpathSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { parseDigest } from '../src/oci/index.ts';
import { EMPTY_REGISTRY_CONFIG, openRegistryClient } from '../src/registry/index.ts';

// One blob between a registry and a file, by `lapidary/registry` alone: push|stream|pull HOST REPOSITORY BLOB [TO]
const [verb = '', registry = '', repository = '', blob = '', to = ''] = process.argv.slice(2);
const path = realpathSync(blob);
const descriptor = {
  mediaType: 'application/octet-stream',
  digest: parseDigest(`sha256:${basename(path)}`),
  size: statSync(path).size,
};
const read = (start: number): AsyncIterable<Uint8Array> =>
  createReadStream(path, { start, highWaterMark: 2 ** 18 });
await using client = openRegistryClient({ config: EMPTY_REGISTRY_CONFIG });
const remote = client.repository({ registry, repository });
if (verb === 'push') await remote.pushBlob(descriptor, read);
else if (verb === 'stream') await remote.pushStream(() => read(0));
else if (verb === 'pull') await remote.fetchBlobTo(descriptor, to);
else throw new Error(`push, stream or pull, not ${verb}`);
