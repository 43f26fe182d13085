import type { Span } from '../../errors/index.ts';
import type { Value } from './value.ts';

/** A value in the text of a template. */
export type Expression = Span &
  (
    | { readonly type: 'literal'; readonly value: Value }
    | { readonly type: 'dot' }
    | { readonly type: 'variable'; readonly name: string }
    | { readonly type: 'field'; readonly of: Expression; readonly name: string }
    | { readonly type: 'call'; readonly name: string; readonly args: readonly Expression[] }
  );

/** `$x := …`, `$x = …`; a plain output has no target. */
export type Node =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'output'; readonly value: Expression }
  | { readonly type: 'assign'; readonly name: string; readonly declare: boolean; readonly value: Expression }
  | {
      readonly type: 'if' | 'with' | 'range';
      readonly value: Expression;
      /** Variables that are declared in the head: one or, for range, up to two. */
      readonly names: readonly string[];
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    };
