import { parseDeepObject } from './parse-object.ts';
import { isSecretName } from './secret-names.ts';

/** Shorter ones are parts of any text. In characters. */
const SHORTEST_SECRET = 4;

/** The texts that a JSON body holds in fields whose name says that they are secret, at any depth. */
export function secretsIn(content: Uint8Array): string[] {
  const found = new Set<string>();
  const left: { value: unknown; isSecret: boolean }[] = [
    { value: parseDeepObject(Buffer.from(content).toString('utf8')), isSecret: false },
  ];
  for (let next; (next = left.pop()) !== undefined;) {
    const { value, isSecret } = next;
    if (typeof value === 'string') {
      if (isSecret && value.length >= SHORTEST_SECRET) found.add(value);
      const nested = parseDeepObject(value);
      if (nested) left.push({ value: nested, isSecret });
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value)) {
        left.push({ value: inner, isSecret: isSecret || isSecretName(name) });
      }
    }
  }
  return [...found];
}
