import { contractOf } from './define-event.ts';
import { dataSchemaOf } from './json-schema.ts';
import { OrderPlacedV1 } from './orders/order-placed.v1.ts';
import { PlaceOrderV1 } from './orders/place-order.v1.ts';
import { allContracts } from './registry.ts';
import { strangersAjv as ajv } from './test/two-validators.ts';
import { assertData, InvalidData } from './validate-data.ts';

const contracts = allContracts.map((contract) => [contract.type, contract] as const);

function acceptedByClass(dataClass: (typeof allContracts)[number]['dataClass'], data: object): boolean {
  try {
    assertData(dataClass, data, 'refuse');
    return true;
  } catch (error) {
    if (error instanceof InvalidData) return false;
    throw error;
  }
}

describe.each(contracts)('the JSON Schema of %s', (_type, contract) => {
  const schema = dataSchemaOf(contract);
  const validate = ajv.compile(schema);

  it('is a valid schema that accepts the example of the contract, as its class does', () => {
    validate(contract.example);
    expect(validate.errors).toBeNull();
    expect(acceptedByClass(contract.dataClass, contract.example)).toBe(true);
  });

  it('refuses the example without a required field, as its class does', () => {
    for (const field of schema.required ?? []) {
      const data = Object.fromEntries(Object.entries(contract.example).filter(([name]) => name !== field));
      expect({ field, schema: validate(data), class: acceptedByClass(contract.dataClass, data) }).toEqual({
        field,
        schema: false,
        class: false,
      });
    }
  });

  it('refuses the example with a field of another type, as its class does', () => {
    for (const [field, value] of Object.entries(contract.example)) {
      const data = { ...contract.example, [field]: typeof value === 'string' ? 42 : 'forty-two' };
      expect({ field, schema: validate(data), class: acceptedByClass(contract.dataClass, data) }).toEqual({
        field,
        schema: false,
        class: false,
      });
    }
  });

  it('describes every field, nested ones too', () => {
    const described = [schema, ...Object.values(schema.$defs ?? {})].flatMap(({ properties = {} }) =>
      Object.entries(properties).map(([field, { description }]) => ({ field, description })),
    );
    expect(described).toEqual(
      described.map(({ field }) => ({ field, description: expect.stringMatching(/\S/) })),
    );
  });

  it('accepts fields that a newer publisher adds', () => {
    expect(validate({ ...contract.example, addedLater: true })).toBe(true);
  });
});

describe('the JSON Schema of nested data', () => {
  it('defines nested classes once and refers to them', () => {
    const schema = dataSchemaOf(contractOf(OrderPlacedV1));
    expect(Object.keys(schema.$defs ?? {}).sort()).toEqual(['Money', 'PricedLine']);
    expect(schema.properties['lines']).toMatchObject({
      type: 'array',
      items: { $ref: '#/$defs/PricedLine' },
    });
    expect(schema.properties['total']).toMatchObject({ $ref: '#/$defs/Money' });
    expect(schema.$defs?.['PricedLine']).toMatchObject({
      required: expect.arrayContaining(['sku', 'quantity', 'name', 'unitPrice']),
      properties: {
        quantity: {
          type: 'integer',
          minimum: 1,
          maximum: 100_000,
          description: 'How many are ordered. Unit: pieces.',
        },
      },
    });
  });

  it('refuses what is wrong inside, as the class does', () => {
    const validate = ajv.compile(dataSchemaOf(contractOf(PlaceOrderV1)));
    for (const quantity of [0, 1e9, 1.5, '2', null]) {
      const data = { ...contractOf(PlaceOrderV1).example, lines: [{ sku: 'SKU-TEAPOT', quantity }] };
      expect({ quantity, schema: validate(data), class: acceptedByClass(PlaceOrderV1, data) }).toEqual({
        quantity,
        schema: false,
        class: false,
      });
    }
  });

  it('has the URL that it is served at as its id', () => {
    const schema = dataSchemaOf(contractOf(OrderPlacedV1), 'https://api.example.com/schemas');
    expect(schema.$id).toBe('https://api.example.com/schemas/order.placed.v1.json');
  });
});
