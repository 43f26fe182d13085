import type { Unset } from '../dockerfile/index.ts';
import type { ContainerConfig } from '../oci/index.ts';
import type { StageState } from './stage-state.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Takes back configuration; false when there was nothing of the kind. */
export function applyUnset(state: StageState, { setting, name }: Unset): boolean {
  const { config } = state;
  switch (setting) {
    case 'env':
      return unsetEnv(state, name);
    case 'label':
      return removeFrom(config, 'Labels', name);
    case 'volume':
      return removeFrom(config, 'Volumes', name);
    case 'expose':
      return removeFrom(config, 'ExposedPorts', name?.includes('/') === false ? `${name}/tcp` : name);
    case 'healthcheck':
      return removeField(config, 'Healthcheck');
    case 'entrypoint':
      return removeField(config, 'Entrypoint');
    case 'cmd':
      state.ownCommand = false;
      delete config.ArgsEscaped;
      return removeField(config, 'Cmd');
    case 'user':
      return removeField(config, 'User');
    case 'workdir':
      return removeField(config, 'WorkingDir');
    case 'stopsignal':
      return removeField(config, 'StopSignal');
    case 'shell':
      return removeField(config, 'Shell');
    case 'onbuild':
      return removeField(config, 'OnBuild');
    case 'maintainer': {
      const had = state.author !== undefined;
      state.author = undefined;
      return had;
    }
  }
}

function unsetEnv(state: StageState, name: string | undefined): boolean {
  const env = state.config.Env ?? [];
  const names = env.map((line) => line.split('=', 1)[0] ?? '');
  const gone = names.filter((one) => name === undefined || one === name);
  for (const one of gone) state.args.unset(one);
  state.config.Env = env.filter((_, i) => !gone.includes(names[i] ?? ''));
  return gone.length > 0;
}

function removeFrom(
  config: Mutable<ContainerConfig>,
  field: 'Labels' | 'Volumes' | 'ExposedPorts',
  name: string | undefined,
): boolean {
  if (name === undefined) return removeField(config, field);
  const { [name]: gone, ...rest } = config[field] ?? {};
  if (gone === undefined) return false;
  Object.assign(config, { [field]: rest });
  return true;
}

function removeField(config: Mutable<ContainerConfig>, field: keyof ContainerConfig): boolean {
  const had = config[field] !== undefined;
  delete config[field];
  return had;
}
