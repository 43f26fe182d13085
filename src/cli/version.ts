import { readFileSync } from 'node:fs';
import packageJson from '../../package.json' with { type: 'json' };
