import { describe, expect, test } from 'vitest';
import { debianMirror, isMirrorUri, parseSourceLines, parseSourceParagraphs } from './debian-sources.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const main = { suites: ['trixie'], components: ['main'] };

describe('parseSourceLines', () => {
  test.for([
    { name: 'nothing', text: '', want: [] },
    {
      name: 'a plain line',
      text: 'deb http://mirror.example/debian trixie main contrib\n',
      want: [{ uri: 'http://mirror.example/debian', suites: ['trixie'], components: ['main', 'contrib'] }],
    },
    {
      name: 'options',
      text: `deb [arch=amd64 signed-by=${KEYRING}] http://mirror.example/debian trixie main`,
      want: [{ uri: 'http://mirror.example/debian', ...main, signedBy: KEYRING }],
    },
    {
      name: 'a comment behind',
      text: '  deb http://mirror.example/debian trixie main # local',
      want: [{ uri: 'http://mirror.example/debian', ...main }],
    },
    { name: 'comments and source packages', text: '# deb http://a b c\ndeb-src http://a b c\n', want: [] },
    { name: 'half a line', text: 'deb http://mirror.example/debian', want: [] },
  ])('reads $name', ({ text, want }) => {
    expect(parseSourceLines(text)).toEqual(want);
  });
});

describe('parseSourceParagraphs', () => {
  test.for([
    { name: 'nothing', text: '', want: [] },
    {
      name: 'a paragraph with comments between its fields',
      text: 'Types: deb\n# a comment\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\n',
      want: [{ uri: 'http://mirror.example/debian', ...main }],
    },
    {
      name: 'names of fields in any case',
      text: `types: deb deb-src\nuris: http://m.example/debian\nSUITES: trixie\ncomponents: main\nsigned-by: ${KEYRING}`,
      want: [{ uri: 'http://m.example/debian', ...main, signedBy: KEYRING }],
    },
    {
      name: 'several URIs and paragraphs',
      text: 'Types: deb\nURIs: http://a.example/debian\n http://b.example/debian\nSuites: trixie\nComponents: main\n\n\nTypes: deb\nURIs: http://c.example/debian\nSuites: trixie\nComponents: main',
      want: ['a', 'b', 'c'].map((host) => ({ uri: `http://${host}.example/debian`, ...main })),
    },
    {
      name: 'no disabled paragraph',
      text: 'Enabled: no\nTypes: deb\nURIs: http://a.example/debian\nSuites: trixie\nComponents: main',
      want: [],
    },
    {
      name: 'no source packages',
      text: 'Types: deb-src\nURIs: http://a.example/debian\nSuites: trixie\nComponents: main',
      want: [],
    },
  ])('reads $name', ({ text, want }) => {
    expect(parseSourceParagraphs(text)).toEqual(want);
  });
});

describe('debianMirror', () => {
  const debian = { uri: 'http://mirror.example/debian', ...main };

  test.for([
    { name: 'the archive', source: debian, want: true },
    { name: 'the archive, by its key', source: { ...debian, signedBy: KEYRING }, want: true },
    { name: 'a slash behind', source: { ...debian, uri: 'https://mirror.example/debian/' }, want: true },
    {
      name: 'a frozen snapshot',
      source: { ...debian, uri: 'http://mirror.example/archive/debian/20260101T000000Z' },
      want: true,
    },
    {
      name: 'a folder of another archive',
      source: { ...debian, uri: 'https://mirror.example/tool/debian/12/prod' },
      want: false,
    },
    { name: 'another distribution', source: { ...debian, uri: 'http://mirror.example/ubuntu' }, want: false },
    {
      name: 'security updates alone',
      source: { ...debian, suites: ['trixie-security'] },
      want: false,
    },
    { name: 'no main component', source: { ...debian, components: ['stable'] }, want: false },
    { name: 'a key of its own', source: { ...debian, signedBy: '/etc/apt/keyrings/tool.gpg' }, want: false },
    { name: 'a disc', source: { ...debian, uri: 'cdrom:[Debian]/debian' }, want: false },
  ])('$name: $want', ({ source, want }) => {
    expect(debianMirror([source])).toBe(want ? source.uri : undefined);
  });

  test('the first of several', () => {
    const other = { ...debian, uri: 'http://other.example/debian' };
    expect(debianMirror([{ ...debian, components: [] }, other, debian])).toBe(other.uri);
  });
});

describe('isMirrorUri', () => {
  test.for([
    { text: 'http://mirror.example/debian', want: true },
    { text: 'https://user:word@mirror.example:8080/debian', want: true },
    { text: 'file:/srv/debian', want: true },
    { text: 'deb [trusted=yes] http://mirror.example/debian trixie main', want: false },
    { text: 'http://mirror.example/debian trixie main', want: false },
    { text: '-', want: false },
    { text: '--option', want: false },
    { text: '/etc/apt/sources.list', want: false },
    { text: 'http:///debian', want: false },
  ])('$text: $want', ({ text, want }) => {
    expect(isMirrorUri(text)).toBe(want);
  });
});
