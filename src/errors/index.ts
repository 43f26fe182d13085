export { ERROR_CODES, type ErrorCode, EXIT } from './codes.ts';
export { type ErrorDetails, LapidaryError, messageOf, printable, quoted } from './lapidary-error.ts';
export {
  frameLines,
  linesOf,
  positionOf,
  type Source,
  SourceError,
  SourceErrors,
  type SourceRange,
  type Span,
  throwSourceErrors,
} from './source-error.ts';
export { suggest } from './suggest.ts';
