import { commandFindings } from './command.ts';
import { behindInit, commandsOf } from './command-line.ts';
import type { ImageView, PreflightFinding } from './finding.ts';
import { openScene } from './scene.ts';
import { certificateFindings, timezoneFindings } from './wishes.ts';
import { workdirFindings } from './workdir.ts';

/**
 * What would keep an image from being started, or its program from working, as far as that can be seen without running
 * anything. Programs of Linux only: an image for another system has no findings.
 */
export async function preflight(image: ImageView): Promise<readonly PreflightFinding[]> {
  if (image.platform.os !== 'linux') return [];
  const { scene, findings } = await openScene(image);
  const all = [...findings, ...workdirFindings(scene)];
  for (const command of [...commandsOf(image.config), ...behindInit(image.config)]) {
    const looked = await commandFindings(scene, command);
    all.push(...looked.findings);
    if (looked.program === undefined || command.setting === 'Healthcheck') continue;
    all.push(...(await certificateFindings(scene, command.setting, looked.program)));
  }
  return [...all, ...timezoneFindings(scene)];
}
