/** The object or list that a text is in JSON, or undefined when it is none. */
export function parseObject(text: string): object | undefined {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined; // most texts that begin with a bracket are no JSON
  }
}
