import { type ContainerConfig, formatPlatform, type ImageConfig } from '../oci/index.ts';
import { environmentMap } from '../plan/index.ts';

/** A setting that is not the same: `Env PATH`, `Label version`, `Cmd`. Texts as in the configuration, lists as JSON. */
export type SettingChange = {
  readonly setting: string;
  readonly before?: string;
  readonly after?: string;
};

/** The settings of two images that are not the same, by their names. Times, history and layers are left out. */
export function compareConfigs(before: ImageConfig, after: ImageConfig): SettingChange[] {
  const [old, now] = [settingsOf(before), settingsOf(after)];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names.flatMap((setting) => {
    const [was, is] = [old.get(setting), now.get(setting)];
    if (was === is) return [];
    return [
      { setting, ...(was === undefined ? {} : { before: was }), ...(is === undefined ? {} : { after: is }) },
    ];
  });
}

function settingsOf(image: ImageConfig): Map<string, string> {
  const { Env = [], Labels = {}, ExposedPorts = {}, Volumes = {}, ...rest } = image.config ?? {};
  const { os, architecture, variant } = image;
  const platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  return new Map<string, string>([
    ['Platform', formatPlatform(platform)],
    ...(image.author === undefined ? [] : ([['Author', image.author]] as const)),
    ...[...environmentMap(Env)].map(([name, value]) => [`Env ${name}`, value] as const),
    ...Object.entries(Labels).map(([name, value]) => [`Label ${name}`, value] as const),
    ...Object.keys(ExposedPorts).map((port) => [`ExposedPort ${port}`, ''] as const),
    ...Object.keys(Volumes).map((volume) => [`Volume ${volume}`, ''] as const),
    ...Object.entries(rest satisfies ContainerConfig).map(([name, value]) => [name, textOf(value)] as const),
  ]);
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
