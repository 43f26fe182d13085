export { encodeHeader } from './encode-header.ts';
export { END, padding, type TarMember } from './member.ts';
export { cleanMemberPath } from './member-path.ts';
export { decodePathText, encodePathText } from './path-text.ts';
export { type TarHandler, TarReader } from './tar-reader.ts';
export { opaquePath, type Whiteout, whiteoutOf, whiteoutPath } from './whiteout.ts';
