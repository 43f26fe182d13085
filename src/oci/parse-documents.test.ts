import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LapidaryError } from '../errors/index.ts';
import { sha256 } from './digest.ts';
import { MEDIA } from './media-types.ts';
import { parseImageConfig, parseIndex, parseManifest, parseManifestOrIndex } from './parse-documents.ts';

const encode = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const blob = (mediaType: string): Record<string, unknown> => ({ mediaType, digest: sha256(''), size: 7 });
const manifest = (change: object = {}): Record<string, unknown> => ({
  schemaVersion: 2,
  mediaType: MEDIA.ociManifest,
  config: blob(MEDIA.ociConfig),
  layers: [blob(MEDIA.ociLayerGzip)],
  ...change,
});
const index = (change: object = {}): Record<string, unknown> => ({
  schemaVersion: 2,
  manifests: [{ ...blob(MEDIA.ociManifest), platform: { os: 'linux', architecture: 'arm', variant: 'v7' } }],
  ...change,
});
const config = (change: object = {}): Record<string, unknown> => ({
  os: 'linux',
  architecture: 'amd64',
  rootfs: { type: 'layers', diff_ids: [sha256('')] },
  ...change,
});
const deep = (levels: number): string => `{"x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;

describe('parseManifest', () => {
  test.for([
    ['as it is', manifest()],
    ['without a media type', { schemaVersion: 2, config: blob('a/b'), layers: [] }],
    ['of Docker', manifest({ mediaType: MEDIA.dockerManifest })],
    ['with unknown fields', manifest({ artifactType: 'a/b', subject: blob('a/b'), x: { y: [1] } })],
    ['with annotations', manifest({ annotations: { a: 'b', constructor: 'c', toString: 'd' } })],
  ] as const)('keeps a manifest %s', ([, value]) => {
    expect(parseManifest(encode(value))).toEqual(value);
  });

  test('reads null as absent, and no layers as none', () => {
    const read = parseManifest(encode(manifest({ layers: null, annotations: null, mediaType: null })));
    expect(read).toEqual({ schemaVersion: 2, config: blob(MEDIA.ociConfig), layers: [] });
  });

  test.for([
    ['not JSON', '{', /not JSON in UTF-8/],
    ['a list', [], /malformed manifest: it must be an object, not a list/],
    ['null', null, /it must be an object, not null/],
    ['no schema version', manifest({ schemaVersion: undefined }), /schemaVersion must be 2, but is missing/],
    ['schema 1', { schemaVersion: 1, fsLayers: [] }, /schema 1, which is obsolete/],
    ['no config', manifest({ config: undefined }), /config must be an object, but is missing/],
    ['config null', manifest({ config: null }), /config must be an object, not null/],
    ['no layers', manifest({ layers: undefined }), /layers must be a list, but is missing/],
    ['layers an object', manifest({ layers: {} }), /layers must be a list, not an object/],
    [
      'negative size',
      manifest({ layers: [blob('a/b'), { ...blob('a/b'), size: -1 }] }),
      /layers\[1\]\.size must be a number of bytes, not -1/,
    ],
    ['fractional size', manifest({ config: { ...blob('a/b'), size: 1.5 } }), /config\.size .* not 1\.5/],
    ['huge size', manifest({ config: { ...blob('a/b'), size: 2 ** 53 } }), /config\.size/],
    ['size as text', manifest({ config: { ...blob('a/b'), size: '7' } }), /config\.size .* not "7"/],
    [
      'digest with a path',
      manifest({ config: { ...blob('a/b'), digest: 'sha256:../../etc' } }),
      /config\.digest must be sha256: and 64 lowercase hex digits, not "sha256:\.\.\/\.\.\/etc"/,
    ],
    ['bad media type', manifest({ config: blob('x') }), /config\.mediaType must be a media type, not "x"/],
    [
      'an index type',
      manifest({ mediaType: MEDIA.ociIndex }),
      /mediaType must be the type of an image manifest/,
    ],
    ['also an index', manifest({ manifests: [] }), /must not have the field manifests/],
    [
      'annotation a number',
      manifest({ annotations: { a: 1 } }),
      /annotations\["a"\] must be a string, not 1/,
    ],
    ['control characters', manifest({ config: blob('a/b\u001b[31m') }), /not "a\/b\\u001b\[31m"/],
    ['a byte order mark', '\ufeff{}', /not JSON/],
    ['too deep', deep(65), /deeper than 64/],
    ['far too deep', deep(500_000), /deeper than 64/],
  ] as const)('refuses: %s', ([, value, message]) => {
    const read = (): unknown => parseManifest(encode(value));
    expect(read).toThrow(LapidaryError);
    expect(read).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }));
    expect(read).toThrow(message);
  });

  test('refuses bytes that are not UTF-8', () => {
    expect(() => parseManifest(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(/not JSON in UTF-8/);
  });

  test('refuses more than 4 MiB before reading it', () => {
    expect(() => parseManifest(new Uint8Array(4 * 1024 * 1024 + 1))).toThrow(/more than 4 MiB/);
  });

  test('brackets in strings are no nesting', () => {
    const annotations = { a: `"\\${'['.repeat(100)}` };
    expect(parseManifest(encode(manifest({ annotations }))).annotations).toEqual(annotations);
  });

  test('__proto__ reaches no prototype', () => {
    const text = JSON.stringify(manifest({ annotations: { a: 'b' } }));
    const hostile = text
      .replace('{', '{"__proto__":{"polluted":1},')
      .replace('"a":"b"', '"\\u005f_proto__":"x","a":"b","__proto__":{"polluted":1}');
    const read = parseManifest(encode(hostile));
    const annotations: object = read.annotations ?? {};
    expect(Object.keys(annotations)).toEqual(['a']);
    expect(Object.getPrototypeOf(annotations)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect('polluted' in { ...read, ...annotations }).toBe(false);
  });
});

describe('parseIndex', () => {
  test.for([
    ['as it is', index()],
    ['of Docker', index({ mediaType: MEDIA.dockerIndex })],
    ['of nothing', index({ manifests: [] })],
    [
      'with features of a system',
      index({
        manifests: [{ ...blob('a/b'), platform: { os: 'x', architecture: 'y', 'os.features': ['z'] } }],
      }),
    ],
  ] as const)('keeps an index %s', ([, value]) => {
    expect(parseIndex(encode(value))).toEqual(value);
  });

  test.for([
    ['nothing', { schemaVersion: 2 }, /manifests must be a list, but is missing/],
    ['a manifest', manifest(), /must not have the field layers/],
    ['a manifest type', index({ mediaType: MEDIA.ociManifest }), /the type of an image index/],
    [
      'platform without architecture',
      index({ manifests: [{ ...blob('a/b'), platform: { os: 'linux' } }] }),
      /manifests\[0\]\.platform\.architecture must be a string, but is missing/,
    ],
  ] as const)('refuses: %s', ([, value, message]) => {
    expect(() => parseIndex(encode(value))).toThrow(message);
  });
});

describe('parseManifestOrIndex', () => {
  test('tells them apart', () => {
    expect(parseManifestOrIndex(encode(manifest()))).toEqual({ kind: 'manifest', manifest: manifest() });
    expect(parseManifestOrIndex(encode(index()))).toEqual({ kind: 'index', index: index() });
  });

  test('refuses what could be both', () => {
    expect(() => parseManifestOrIndex(encode({ ...manifest(), ...index() }))).toThrow(
      /must not have the field/,
    );
  });
});

describe('parseImageConfig', () => {
  test('keeps what it knows, in the order of the input', () => {
    const value = config({
      created: '2026-01-01T00:00:00Z',
      config: {
        User: 'app',
        ExposedPorts: { '80/tcp': {} },
        Env: ['A=b'],
        Labels: { constructor: 'x' },
        Healthcheck: { Test: ['CMD', 'true'], Interval: 3e10, Retries: 3 },
        OnBuild: ['RUN x'],
        Shell: ['/bin/sh', '-c'],
      },
      history: [{ created_by: 'x', empty_layer: true }],
    });
    expect(parseImageConfig(encode(value))).toEqual(value);
  });

  test("leaves out Docker's leftovers, and null", () => {
    const read = parseImageConfig(
      encode(
        config({
          container: 'abc',
          docker_version: '1.2',
          container_config: { Cmd: ['x'] },
          history: null,
          config: { Hostname: 'h', Cmd: null, Volumes: { '/v': null }, Entrypoint: [], Image: 'sha256:x' },
        }),
      ),
    );
    expect(read).toEqual(config({ config: { Volumes: { '/v': {} }, Entrypoint: [] } }));
  });

  test('of an image without layers', () => {
    expect(parseImageConfig(encode(config({ rootfs: { type: 'layers' } }))).rootfs.diff_ids).toEqual([]);
  });

  test.for([
    ['empty object', {}, /malformed image configuration: os must be a string, but is missing/],
    ['no rootfs', config({ rootfs: undefined }), /rootfs must be an object, but is missing/],
    ['another rootfs', config({ rootfs: { type: 'x' } }), /rootfs\.type must be "layers", not "x"/],
    [
      'bad diff ID',
      config({ rootfs: { type: 'layers', diff_ids: ['x'] } }),
      /rootfs\.diff_ids\[0\] must be sha256:/,
    ],
    ['Env a string', config({ config: { Env: 'A=b' } }), /config\.Env must be a list, not "A=b"/],
    ['Env of numbers', config({ config: { Env: [1] } }), /config\.Env\[0\] must be a string, not 1/],
    [
      'a volume that is text',
      config({ config: { Volumes: { '/': 'x' } } }),
      /Volumes\["\/"\] must be an object/,
    ],
    ['a label that is null', config({ config: { Labels: { a: null } } }), /Labels\["a"\] must be a string/],
    [
      'interval with a fraction',
      config({ config: { Healthcheck: { Interval: 0.5 } } }),
      /Healthcheck\.Interval must be a whole number/,
    ],
    ['history entry null', config({ history: [null] }), /history\[0\] must be an object, not null/],
  ] as const)('refuses: %s', ([, value, message]) => {
    expect(() => parseImageConfig(encode(value))).toThrow(message);
  });

  test('any JSON, and any bytes, give a value or a LapidaryError', () => {
    const anything = fc.oneof(
      fc.json().map(encode),
      fc.uint8Array(),
      fc
        .dictionary(fc.constantFrom('os', 'architecture', 'rootfs', 'config', 'history'), fc.jsonValue())
        .map(encode),
    );
    fc.assert(
      fc.property(anything, (bytes) => {
        const errors = [thrown(() => parseImageConfig(bytes)), thrown(() => parseManifestOrIndex(bytes))];
        expect(errors.every((error) => error === undefined || error instanceof LapidaryError)).toBe(true);
      }),
    );
  });
});

function thrown(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}
