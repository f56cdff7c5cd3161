import { parseObject } from './parse-object.ts';
import { isSecretName } from './secret-names.ts';

/** Shorter ones are parts of any text. In characters. */
const SHORTEST_SECRET = 4;

/** The texts that a JSON body holds in fields whose name says that they are secret, at any depth. */
export function secretsIn(content: Uint8Array): string[] {
  const found = new Set<string>();
  const collect = (value: unknown, isSecret: boolean): void => {
    if (typeof value === 'string') {
      if (isSecret && value.length >= SHORTEST_SECRET) found.add(value);
      const nested = parseObject(value);
      if (nested) collect(nested, isSecret);
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value)) collect(inner, isSecret || isSecretName(name));
    }
  };
  collect(parseObject(Buffer.from(content).toString('utf8')), false);
  return [...found];
}
