import { execFileSync } from 'node:child_process';

export type Descriptor = { readonly digest: string; readonly size: number };

/** The compressed layers of the only image in an OCI archive, base first, as its manifest says. */
export function archiveLayers(file: string): readonly Descriptor[] {
  const [first] = (readJson(file, 'index.json') as { readonly manifests: readonly Descriptor[] }).manifests;
  if (first === undefined) throw new Error(`there is no image in ${file}`);
  const manifest = readJson(file, `blobs/${first.digest.replace(':', '/')}`);
  return (manifest as { readonly layers: readonly Descriptor[] }).layers;
}

function readJson(file: string, member: string): unknown {
  return JSON.parse(execFileSync('tar', ['-xOf', file, member], { encoding: 'utf8' }));
}
