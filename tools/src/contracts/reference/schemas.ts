import { isDeepStrictEqual } from 'node:util';
import { dataSchemaOf, type Contract, type Schema } from '@warren/contracts';

const POINTER = '#/components/schemas/';

/** A reference to a schema of the document. */
export const refTo = (name: string): Schema => ({ $ref: `${POINTER}${name}` });

/**
 * The schemas of all contracts as one flat map: the data of a message by its type, nested classes by their class name,
 * or by `<type>.<class>` where classes of one name differ.
 *
 * AsyncAPI reads schemas as Draft 7. Those of contracts use what both drafts know, but for `$defs`, which are hoisted, and
 * keywords beside `$ref`, which Draft 7 ignores: there the reference goes into an `allOf`.
 *
 * @param deprecated types whose schemas are marked so
 */
export function componentSchemas(
  contracts: readonly Contract[],
  deprecated: ReadonlySet<string>,
): Record<string, object> {
  const nested = contracts.flatMap((contract) =>
    Object.entries(dataSchemaOf(contract).$defs ?? {}).map(([name, schema]) => ({
      type: contract.type,
      name,
      schema,
    })),
  );
  const shared = sharedNames(nested);
  const nameFor = (type: string, name: string): string => (shared.has(name) ? name : `${type}.${name}`);
  const data = contracts.map((contract) => {
    const { $schema: _draft, $defs: _hoisted, ...schema } = dataSchemaOf(contract);
    const isDeprecated = deprecated.has(contract.type);
    return [
      contract.type,
      {
        ...rewritten(schema, (name) => nameFor(contract.type, name)),
        ...(isDeprecated && { deprecated: true }),
      },
    ] as const;
  });
  const hoisted = nested.map(({ type, name, schema }) => {
    return [nameFor(type, name), rewritten(schema, (inner) => nameFor(type, inner))] as const;
  });
  return Object.fromEntries([...data, ...hoisted.sort(([one], [other]) => one.localeCompare(other))]);
}

/** Names that mean the same in every contract that has them, with all that they refer to. */
function sharedNames(nested: readonly { name: string; schema: Schema }[]): Set<string> {
  const byName = Object.entries(Object.groupBy(nested, ({ name }) => name));
  const shared = new Set<string>();
  for (const [name, [first, ...others] = []] of byName) {
    if (others.every(({ schema }) => isDeepStrictEqual(schema, first!.schema))) shared.add(name);
  }
  const refersToOthers = ({ name, schema }: { name: string; schema: Schema }): boolean =>
    shared.has(name) && definitionsIn(schema).some((definition) => !shared.has(definition));
  for (let odd = nested.find(refersToOthers); odd; odd = nested.find(refersToOthers)) shared.delete(odd.name);
  return shared;
}

const definitionsIn = (schema: Schema): string[] =>
  [...JSON.stringify(schema).matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g)].map((match) => match[1]!);

/** With references into `components`. Examples and values are left as they are. */
function rewritten(schema: Schema, nameFor: (definition: string) => string): Schema {
  const { $ref, properties, items, allOf, anyOf, oneOf, ...rest } = schema;
  const each = (inner: Schema): Schema => rewritten(inner, nameFor);
  const others: Schema = {
    ...rest,
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([field, inner]) => [field, each(inner)]),
      ),
    }),
    ...(items && { items: each(items) }),
    ...(allOf && { allOf: allOf.map(each) }),
    ...(anyOf && { anyOf: anyOf.map(each) }),
    ...(oneOf && { oneOf: oneOf.map(each) }),
  };
  if ($ref === undefined) return others;
  const reference = refTo(nameFor($ref.replace('#/$defs/', '')));
  if (Object.keys(others).length === 0) return reference;
  return { ...others, allOf: [reference, ...(others.allOf ?? [])] };
}
