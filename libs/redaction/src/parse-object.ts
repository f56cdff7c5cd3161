/**
 * What is nested deeper is read as text, and not as JSON: whoever walks through it would need a stack of that depth.
 * Texts inside of it may be JSON again, a few dozen times, as their quotes double each time.
 */
const DEEPEST = 64;

/** The object or list that a text is in JSON, or undefined when it is none, or is nested too deep to be walked through. */
export function parseObject(text: string): object | undefined {
  const value = parseDeepObject(text);
  return value === undefined || isDeep(text) ? undefined : value;
}

/** The same, however deep: only for who needs no stack for it. */
export function parseDeepObject(text: string): object | undefined {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined; // most texts that begin with a bracket are no JSON
  }
}

/** Counts brackets outside of strings, in a text that is JSON. */
function isDeep(text: string): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{[}\]]/g)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    if (depth > DEEPEST) return true;
  }
  return false;
}
