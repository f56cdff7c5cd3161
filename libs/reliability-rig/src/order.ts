/** Which version of which item a message is about. */
export interface Place {
  item: string;
  version: number;
}

/**
 * Finds messages that came before an earlier version of their item. Duplicates count at their first coming.
 *
 * @param ids in the order in which they came
 * @param places of the messages that are looked at; others are passed over
 * @returns a sentence for each
 */
export function orderViolations(ids: readonly string[], places: ReadonlyMap<string, Place>): string[] {
  const highest = new Map<string, number>();
  const seen = new Set<string>();
  const violations: string[] = [];
  for (const id of ids) {
    const place = places.get(id);
    if (!place || seen.has(id)) continue;
    seen.add(id);
    const before = highest.get(place.item) ?? 0;
    if (place.version < before) {
      violations.push(`version ${place.version} of ${place.item} came after its version ${before}`);
    }
    highest.set(place.item, Math.max(before, place.version));
  }
  return violations;
}
