import { LapidaryError, quoted } from '../errors/index.ts';
import type { RecipeOptions } from './types.ts';

/** What may stand in a Dockerfile as it is: none of these has a space or a sign of the shell. */
const FORMS: Readonly<Partial<Record<keyof RecipeOptions, readonly [RegExp, string]>>> = {
  packages: [/^[a-z0-9][a-z0-9+.-]+$/, 'a package of Debian such as libsqlite3-dev'],
  defines: [/^[A-Za-z_]\w*(?:=[\w.+-]*)?$/, 'a flag such as preview_mt'],
  cpu: [/^[A-Za-z0-9][\w.+-]*$/, 'a processor such as cortex-a53'],
  base: [/^[a-z0-9][\w./:@-]*$/, 'scratch, distroless, alpine, debian or an image'],
  expose: [/^\d{1,5}(?:-\d{1,5})?(?:\/(?:tcp|udp|sctp))?$/, 'a port such as 3000 or 53/udp'],
  gitTokens: [/^[a-z0-9][a-z0-9.-]*$/i, 'a host such as github.com'],
  linkFlags: [/^[^\n\r]*$/, 'one line'],
  healthUrl: [
    /^http:\/\/(?:localhost|127\.0\.0\.1)(?::\d{1,5})?(?:\/[!-~]*)?$/,
    'a URL of the program itself such as http://localhost:3000/health',
  ],
};

/** @throws LapidaryError PROJECT_INVALID for what would not be taken for what it is */
export function checkOptions(options: RecipeOptions): void {
  for (const [name, [form, expected]] of Object.entries(FORMS)) {
    const value = options[name as keyof RecipeOptions];
    const texts = Array.isArray(value) ? value : value === undefined ? [] : [value];
    const wrong = texts.find((text) => !form.test(String(text)));
    if (wrong === undefined) continue;
    throw new LapidaryError('PROJECT_INVALID', `not ${expected}: ${quoted(String(wrong))}`, {
      hint: 'correct the flag, or the lapidary.yml of the project',
    });
  }
}
