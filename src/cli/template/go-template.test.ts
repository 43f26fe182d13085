import { describe, expect, test } from 'vitest';
import { SourceError } from '../../errors/index.ts';
import { compileTemplate, type Value } from './index.ts';

const data: Value = {
  Id: 'sha256:1',
  Size: 42,
  Ok: true,
  No: false,
  Empty: '',
  Nothing: null,
  Tags: ['a', 'b'],
  None: [],
  Labels: new Map([
    ['z', '1'],
    ['a.b', '2'],
  ]),
  Config: { Env: ['A=1', 'B=2'], User: 'app', Deep: { X: 'x' } },
};

/** The source error that is thrown, as it is printed. */
function rendered(work: () => string): string {
  try {
    return `no error but ${work()}`;
  } catch (error) {
    return error instanceof SourceError ? error.render() : String(error);
  }
}

describe('compileTemplate', () => {
  test.for([
    ['text alone', 'abc', 'abc'],
    ['a field', '{{.Id}}', 'sha256:1'],
    ['a number', '{{.Size}}', '42'],
    ['a boolean', '{{.Ok}}', 'true'],
    ['nil', '{{.Nothing}}', '<no value>'],
    ['fields of fields', '{{.Config.Deep.X}}', 'x'],
    ['a list as Go prints it', '{{.Tags}}', '[a b]'],
    ['a map as Go prints it, keys sorted', '{{.Labels}}', 'map[a.b:2 z:1]'],
    ['a structure as Go prints it', '{{.Config.Deep}}', '{x}'],
    ['a key of a map as field', '{{.Labels.z}}', '1'],
    ['a key that a map lacks', '{{.Labels.nope}}', '<no value>'],
    ['the dot', '{{with .Id}}{{.}}{{end}}', 'sha256:1'],
    ['spaces in an action', '{{  .Id  }}', 'sha256:1'],
    ['json of text', '{{json .Id}}', '"sha256:1"'],
    ['json of a map, keys sorted', '{{json .Labels}}', '{"a.b":"2","z":"1"}'],
    ['json of a list', '{{json .Tags}}', '["a","b"]'],
    ['json of nil', '{{json .Nothing}}', 'null'],
    ['index of a map', '{{index .Labels "a.b"}}', '2'],
    ['index of a key that is not there', '{{index .Labels "x"}}', ''],
    ['index of nil', '{{index .Nothing "x"}}', ''],
    ['index of a list', '{{index .Tags 1}}', 'b'],
    ['index of an index', '{{index .Config "Env" 0}}', 'A=1'],
    ['range of a list', '{{range .Tags}}<{{.}}>{{end}}', '<a><b>'],
    ['range with a variable', '{{range $t := .Tags}}{{$t}}{{end}}', 'ab'],
    ['range with an index', '{{range $i, $t := .Tags}}{{$i}}{{$t}} {{end}}', '0a 1b '],
    ['range of a map', '{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}', 'a.b=2;z=1;'],
    ['range of an empty list', '{{range .None}}x{{else}}none{{end}}', 'none'],
    ['range of nil', '{{range .Nothing}}x{{else}}none{{end}}', 'none'],
    ['the root inside of range', '{{range .Tags}}{{$.Size}}{{end}}', '4242'],
    ['if', '{{if .Ok}}yes{{end}}', 'yes'],
    ['if of nothing', '{{if .Empty}}yes{{end}}', ''],
    ['if of zero', '{{if 0}}yes{{else}}no{{end}}', 'no'],
    ['if of an empty list', '{{if .None}}yes{{else}}no{{end}}', 'no'],
    ['if of a structure', '{{if .Config}}yes{{end}}', 'yes'],
    ['else if', '{{if .No}}a{{else if .Ok}}b{{else}}c{{end}}', 'b'],
    ['else if to the end', '{{if .No}}a{{else if .No}}b{{else if .No}}c{{else}}d{{end}}', 'd'],
    ['if with a variable', '{{if $x := .Id}}{{$x}}{{end}}', 'sha256:1'],
    ['with', '{{with .Config}}{{.User}}{{end}}', 'app'],
    ['with of nothing', '{{with .Empty}}x{{else}}{{.Size}}{{end}}', '42'],
    ['nested blocks', '{{with .Config}}{{range .Env}}{{if .}}{{.}} {{end}}{{end}}{{end}}', 'A=1 B=2 '],
    ['a variable', '{{$x := .Size}}{{$x}}', '42'],
    ['a variable that is set inside', '{{$x := 1}}{{range .Tags}}{{$x = .}}{{end}}{{$x}}', 'b'],
    ['a variable that is declared inside', '{{$x := 1}}{{if .Ok}}{{$x := 2}}{{end}}{{$x}}', '1'],
    ['a field of a variable', '{{$c := .Config}}{{$c.User}}', 'app'],
    ['len of a list', '{{len .Tags}}', '2'],
    ['len of text is bytes', '{{len "é"}}', '2'],
    ['len of a map', '{{len .Labels}}', '2'],
    ['join', '{{join .Config.Env ", "}}', 'A=1, B=2'],
    ['join by a line end', '{{join .Tags "\\n"}}', 'a\nb'],
    ['upper and lower', '{{upper "aB"}}{{lower "aB"}}', 'ABab'],
    ['println', '{{println .Id 1}}', 'sha256:1 1\n'],
    ['printf', '{{printf "%s|%v|%d|%q|%%" "a" .Tags 3 "b"}}', 'a|[a b]|3|"b"|%'],
    ['printf with widths', '{{printf "%-4s|%3d" "a" 3}}', 'a   |  3'],
    ['eq', '{{eq .Size 42}} {{eq "a" "b"}}', 'true false'],
    ['eq with one of several', '{{eq .Id "x" "sha256:1"}}', 'true'],
    ['ne', '{{ne .Size 1}}', 'true'],
    ['and gives the first that is false', '{{and .Ok .Empty .Id}}', ''],
    ['or gives the first that is true', '{{or .Empty .Id}}', 'sha256:1'],
    ['or does not look further', '{{or .Ok .Missing}}', 'true'],
    ['not', '{{not .No}}', 'true'],
    ['a pipeline', '{{.Id | upper | printf "%q"}}', '"SHA256:1"'],
    ['parentheses', '{{if and .Ok (eq .Size 42)}}x{{end}}', 'x'],
    ['a field of parentheses', '{{(index .Tags 0)}}{{(.Config).User}}', 'aapp'],
    ['raw text', '{{`a"\\n`}}', 'a"\\n'],
    ['a negative number', '{{-1}} {{ -1 }}', '-1 -1'],
    ['white space is trimmed', 'a \n {{- .Size -}} \t b', 'a42b'],
    ['a comment', 'a{{/* no */}}b{{- /* no */ -}} c', 'abc'],
    ['\\t and \\n in the text', '{{.Size}}\\t{{.Size}}\\n', '42\t42\n'],
    ['braces that are not doubled', '{a} }}', '{a} }}'],
  ] as const)('%s', ([, template, want]) => {
    expect(compileTemplate(template)(data)).toBe(want);
  });

  test.for([
    ['an unknown field, with a suggestion', '{{.Sizes}}', 'has no field .Sizes', 1, '.Size'],
    ['a field of text', '{{.Id.X}}', 'a string has no field .X', 1, undefined],
    ['a field that objects inherit', '{{.constructor}}', 'no field .constructor', 1, undefined],
    ['a key that objects inherit', '{{index .Config "toString"}}', 'no element toString', 1, undefined],
    ['an unknown function', '{{uper .Id}}', 'no function "uper"', 1, 'upper'],
    ['a missing end', 'x\n{{if .Ok}}y', 'this if has no {{end}}', 2, undefined],
    ['an end too many', '{{end}}', '"end" has nothing', 1, undefined],
    ['a second else', '{{if .Ok}}{{else}}{{else}}{{end}}', 'second {{else}}', 1, undefined],
    ['braces that do not close', '{{.Id', 'without }}', 1, undefined],
    ['text that does not end', '{{"a}}', 'a string that does not end', 1, undefined],
    ['a strange character', '{{.Id ; .Id}}', 'means nothing', 1, undefined],
    ['an empty action', '{{}}', 'a value is expected', 1, undefined],
    ['a parenthesis that is not closed', '{{(.Id}}', 'not closed', 1, undefined],
    ['arguments of a field', '{{.Id .Size}}', 'only functions take arguments', 1, undefined],
    ['a field after a pipe', '{{.Id | .Size}}', 'function is expected', 1, undefined],
    ['a variable that is not defined', '{{$x}}', '$x is not defined', 1, undefined],
    ['a definition', '{{define "a"}}{{end}}', 'define is not supported', 1, undefined],
    ['range of text', '{{range .Id}}{{end}}', 'needs a list or a map', 1, undefined],
    ['an index out of range', '{{index .Tags 2}}', '2 is no index', 1, undefined],
    ['too few arguments', '{{join .Tags}}', 'join takes 2 arguments, not 1', 1, undefined],
    ['too many arguments', '{{len .Tags 1}}', 'len takes 1 argument, not 2', 1, undefined],
    ['text where a list is needed', '{{join .Id ","}}', 'expected a list', 1, undefined],
    ['a verb that printf lacks', '{{printf "%x" 1}}', 'does not know %x', 1, undefined],
    ['printf with too little', '{{printf "%s"}}', 'too few', 1, undefined],
    ['printf with too much', '{{printf "a" 1}}', 'too many', 1, undefined],
    ['things that cannot be compared', '{{eq .Id 1}}', 'cannot be compared', 1, undefined],
    ['depth', `{{${'('.repeat(99)}1`, 'without }}', 1, undefined],
    ['depth of parentheses', `{{${'('.repeat(99)}1${')'.repeat(99)}}}`, 'nests deeper', 1, undefined],
    ['depth of blocks', `${'{{if 1}}'.repeat(99)}${'{{end}}'.repeat(99)}`, 'nests deeper', 1, undefined],
  ] as const)('error: %s', ([, template, message, line, hint]) => {
    const text = rendered(() => compileTemplate(template)(data));
    expect(text).toContain(message);
    expect(text).toContain(` --> --format:${line}:`);
    expect(text).toContain('^');
    expect(text).toContain(hint === undefined ? '' : `did you mean ${hint}?`);
  });

  test('json does not let control characters out', () => {
    expect(compileTemplate('{{json .}}')('\u001b\u009b\u202e')).toBe('"\\u001b\\u009b\\u202e"');
  });
});
