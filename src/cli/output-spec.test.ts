import { describe, expect, test } from 'vitest';
import { parseCsv } from './csv.ts';
import { parseOutput } from './output-spec.ts';

describe('parseCsv', () => {
  test.for([
    ['one field', 'a', ['a']],
    ['several', 'a,b,c', ['a', 'b', 'c']],
    ['empty ones', ',a,', ['', 'a', '']],
    ['nothing', '', ['']],
    ['a quoted comma', '"a,b",c', ['a,b', 'c']],
    ['a doubled quote', '"a""b"', ['a"b']],
    ['an empty quoted field', '"",x', ['', 'x']],
  ] as const)('%s', ([, text, want]) => {
    expect(parseCsv(text, '--x')).toEqual(want);
  });

  test.for(['a"b', '"a', '"a"b', 'a,"b"c'])('a stray quote in %s', (text) => {
    expect(() => parseCsv(text, '--x')).toThrow('--x has a stray quote');
  });
});

describe('parseOutput', () => {
  test.for([
    ['a registry', 'type=registry', { type: 'registry', names: [] }],
    ['an image that is pushed', 'type=image,push=true', { type: 'registry', names: [] }],
    ['names', 'type=registry,name=a,b,push=true', { type: 'registry', names: ['a', 'b'] }],
    ["names in docker's way", 'type=image,"name=a,b"', { type: 'image', names: ['a', 'b'] }],
    [
      'a digest alone, without TLS',
      'type=image,name=a,push-by-digest=true,name-canonical=true,push=true,registry.insecure=true,compression=zstd',
      {
        type: 'registry',
        names: ['a'],
        byDigest: true,
        canonical: true,
        insecure: true,
        compression: 'zstd',
      },
    ],
    [
      "Docker's media types",
      'type=registry,oci-mediatypes=false',
      { type: 'registry', names: [], ociMediaTypes: false },
    ],
    ['a path alone is a directory', 'out', { type: 'local', dest: '/w/out' }],
    ['an absolute path', '/out', { type: 'local', dest: '/out' }],
    ['a path with an equals sign', 'a=b', { type: 'local', dest: '/w/a=b' }],
    ['a dash alone is a tar', '-', { type: 'tar', dest: '-' }],
    ['an OCI archive', 'type=oci,dest=a.tar', { type: 'oci', dest: '/w/a.tar', tar: true }],
    ['an OCI archive on standard output', 'type=oci', { type: 'oci', dest: '-', tar: true }],
    ['an OCI layout', 'type=oci,dest=d,tar=false', { type: 'oci', dest: '/w/d', tar: false }],
    ['a Docker archive', 'type=docker,dest=-', { type: 'docker', dest: '-', tar: true }],
    [
      'a compression',
      'type=oci,dest=a,compression=zstd',
      { type: 'oci', dest: '/w/a', tar: true, compression: 'zstd' },
    ],
    [
      'an eStargz, forced',
      'type=oci,dest=a,compression=estargz,compression-level=9,force-compression=true',
      {
        type: 'oci',
        dest: '/w/a',
        tar: true,
        compression: 'estargz',
        compressionLevel: 9,
        forceCompression: true,
      },
    ],
    [
      'a level of gzip, which is the usual compression',
      'type=oci,dest=a,compression-level=0',
      { type: 'oci', dest: '/w/a', tar: true, compressionLevel: 0 },
    ],
    [
      'a level of zstd for all layers',
      'type=oci,dest=a,compression=zstd,compression-level=19,force-compression=true',
      {
        type: 'oci',
        dest: '/w/a',
        tar: true,
        compression: 'zstd',
        compressionLevel: 19,
        forceCompression: true,
      },
    ],
    [
      'nothing forced',
      'type=oci,dest=a,force-compression=0',
      { type: 'oci', dest: '/w/a', tar: true, forceCompression: false },
    ],
    ['a tar of the files', 'type=tar,dest=a.tar', { type: 'tar', dest: '/w/a.tar' }],
    ['a directory', 'type=local,dest=.', { type: 'local', dest: '/w' }],
    ['keys in any case and order', 'DEST=a,Type=tar', { type: 'tar', dest: '/w/a' }],
    ['a comma in a quoted field', 'type=tar,"dest=a,b"', { type: 'tar', dest: '/w/a,b' }],
    ['an equals sign in a value', 'type=tar,dest=a=b', { type: 'tar', dest: '/w/a=b' }],
    ['truth as Go writes it', 'type=oci,dest=d,tar=F', { type: 'oci', dest: '/w/d', tar: false }],
  ] as const)('%s', ([, text, want]) => {
    expect(parseOutput(text, '/w')).toEqual(want);
  });

  test.for([
    ['nothing', '', 'USAGE', '--output is empty'],
    ['no type', 'dest=a,tar=false', 'USAGE', 'has no type'],
    ['an unknown type', 'type=ocii', 'USAGE', 'no type "ocii"'],
    ['a registry with a file', 'type=registry,dest=x', 'USAGE', 'type registry has no dest'],
    ['a registry without a push', 'type=registry,push=false', 'USAGE', 'always pushed'],
    ['a compression of what stays here', 'type=image,compression=zstd', 'USAGE', 'has no compression'],
    ['a name for a file', 'type=oci,dest=a,name=b', 'USAGE', 'type oci has no name'],
    [
      "Docker's media types of a directory",
      'type=local,dest=x,oci-mediatypes=false',
      'USAGE',
      'oci-mediatypes',
    ],
    ["Docker's media types in the store", 'type=image,oci-mediatypes=false', 'USAGE', 'oci-mediatypes'],
    ['media types that are neither', 'type=oci,oci-mediatypes=x', 'USAGE', 'oci-mediatypes= is neither'],
    ['a key of docker', 'type=oci,unpack=true', 'UNSUPPORTED', 'does not know "unpack"'],
    ['a field without a value', 'type=oci,push', 'USAGE', 'field without a value: "push"'],
    ['no place for a directory', 'type=local', 'USAGE', 'type local needs a dest'],
    ['a directory on standard output', 'type=local,dest=-', 'USAGE', 'type local needs a dest'],
    ['a load into Docker', 'type=docker', 'USAGE', 'type docker needs a dest'],
    ['an empty dest', 'type=oci,dest=', 'USAGE', 'type oci needs a dest'],
    ['a layout on standard output', 'type=oci,tar=false', 'USAGE', 'tar=false needs type=oci'],
    ['a layout for Docker', 'type=docker,dest=d,tar=false', 'USAGE', 'tar=false needs type=oci'],
    ['no truth value', 'type=oci,tar=yes', 'USAGE', 'neither true nor false: "yes"'],
    ['a compression that is unknown', 'type=oci,compression=xz', 'UNSUPPORTED', '"xz"'],
    ['a compression of files', 'type=tar,compression=gzip', 'USAGE', 'type tar has no compression'],
    ['a level beyond gzip', 'type=oci,compression-level=10', 'USAGE', 'gzip has no compression level 10'],
    [
      'a level beyond zstd',
      'type=oci,compression=zstd,compression-level=20',
      'USAGE',
      'zstd has no compression level 20',
    ],
    [
      'a level of nothing',
      'type=oci,compression=uncompressed,compression-level=1',
      'USAGE',
      'have no compression level',
    ],
    ['a level that is no number', 'type=oci,compression-level=-1', 'USAGE', 'is not a number: "-1"'],
    ['a compression for Docker', 'type=docker,dest=a,compression=zstd', 'USAGE', 'never compressed'],
    ['a level for Docker', 'type=docker,dest=a,compression-level=9', 'USAGE', 'never compressed'],
    ['a forced tar', 'type=tar,dest=a,force-compression=true', 'USAGE', 'type tar has no force-compression'],
    ['no truth value of force', 'type=oci,force-compression=x', 'USAGE', 'force-compression= is neither'],
    ['tar of files', 'type=local,dest=a,tar=false', 'USAGE', 'type local has no tar'],
    ['a stray quote', 'type=oci,dest=a"b', 'USAGE', 'stray quote'],
  ] as const)('error: %s', ([, text, code, message]) => {
    expect(() => parseOutput(text, '/w')).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});
