import { PREFLIGHT_RULES, type PreflightFinding, type PreflightRule } from '../inspect/index.ts';
import { formatPlatform } from '../oci/index.ts';
import type { BuildEvent } from '../solve/index.ts';
import type { PreflightImage, PreflightMode } from './preflight.ts';

type Looked = PreflightImage & { readonly findings: readonly PreflightFinding[] | undefined };

/** Tells what was found, the same of several platforms once. @returns the rules that make an image useless */
export function tellFindings(
  images: readonly Looked[],
  mode: PreflightMode,
  emit: (event: BuildEvent) => void,
): PreflightRule[] {
  const byText = new Map<string, { readonly finding: PreflightFinding; readonly images: Looked[] }>();
  for (const image of images) {
    for (const finding of image.findings ?? []) {
      if (mode === 'warn' && isTold(finding, image)) continue;
      const text = `${finding.rule} ${finding.message}`;
      const same = byText.get(text) ?? { finding, images: [] };
      byText.set(text, { finding, images: [...same.images, image] });
    }
  }
  for (const { finding, images: having } of byText.values()) {
    const platforms = having.length === images.length ? undefined : having.map(platformOf).join(', ');
    emit(warningOf(finding, having[0], platforms));
  }
  const unknown = images.filter(({ findings }) => findings === undefined);
  // Who makes findings errors has to know of what could not be looked for
  if (mode === 'error' && unknown.length > 0) {
    const which = unknown.map(platformOf).join(', ');
    const message = `preflight: the base of the image for ${which} was never fetched, so it is not looked at`;
    emit({ type: 'notice', message });
  }
  return [...byText.values()]
    .map(({ finding }) => finding.rule)
    .filter((rule) => PREFLIGHT_RULES[rule].certain);
}

/** A check of the Dockerfile (MalformedJsonForm) has warned of the line itself. */
function isTold({ rule, setting }: PreflightFinding, { stage }: Looked): boolean {
  return rule === 'BrokenListForm' && stage.origins.has(setting);
}

const platformOf = ({ image }: Looked): string => formatPlatform(image.platform);

function warningOf(
  { rule, setting, message, hint }: PreflightFinding,
  looked: Looked | undefined,
  platforms: string | undefined,
): BuildEvent {
  const { origins, image: base } = looked?.stage ?? {};
  const at = origins?.get(setting);
  const [reference] = base?.split(' ') ?? [];
  const which = platforms === undefined ? '' : ` (${platforms})`;
  const whose = at === undefined && reference !== undefined ? `; the base image ${reference} says so` : '';
  return {
    type: 'warning',
    message: `${rule}: ${message}${whose}${which}`,
    ...(at === undefined ? {} : { at }),
    ...(hint === undefined ? {} : { hint }),
  };
}
