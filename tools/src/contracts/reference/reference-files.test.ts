import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allContracts, type Contract, type DataSchema } from '@warren/contracts';
import { toldOutdated } from '../run.ts';
import { catalogue } from './catalogue.ts';
import { fieldRows } from './fields.ts';
import { loadReferenceSources } from './load-reference.ts';
import { outdatedReferenceFiles, writeReferenceFiles } from './reference-files.ts';

describe('the reference of this repository', () => {
  it('is current: "npm run contracts -- docs" writes it anew', async () => {
    const outdated = await outdatedReferenceFiles();
    expect(outdated.length > 0 ? toldOutdated(outdated) : 'current').toBe('current');
  });
});

describe('writing the reference', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'warren-reference-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('makes what is missing or differs, and then has nothing to do', async () => {
    expect(await writeReferenceFiles(root)).toHaveLength(allContracts.length + 2);
    expect(await outdatedReferenceFiles(root)).toEqual([]);
    const page = join(root, 'docs/events/order.placed.v1.md');
    const text = readFileSync(page, 'utf8');
    writeFileSync(page, text.replace('order-service', 'somebody'));
    rmSync(join(root, 'apps/gateway/assets/asyncapi.json'));
    const outdated = ['apps/gateway/assets/asyncapi.json', 'docs/events/order.placed.v1.md'];
    expect(await outdatedReferenceFiles(root)).toEqual(outdated);
    expect(await writeReferenceFiles(root)).toEqual(outdated);
    expect(readFileSync(page, 'utf8')).toBe(text);
  });

  it('removes the page of a message that is gone, and nothing that somebody wrote', async () => {
    await writeReferenceFiles(root);
    const pages = join(root, 'docs/events');
    writeFileSync(
      join(pages, 'order.lost.v1.md'),
      readFileSync(join(pages, 'order.placed.v1.md'), 'utf8').replaceAll('placed', 'lost'),
    );
    writeFileSync(join(pages, 'how-we-name-events.md'), '# How we name events\n');
    mkdirSync(join(pages, 'pictures'));
    expect(await writeReferenceFiles(root)).toEqual(['docs/events/order.lost.v1.md']);
    expect(readFileSync(join(pages, 'how-we-name-events.md'), 'utf8')).toContain('name events');
  });
});

describe('the catalogue', () => {
  it('tells of each message what it means, who it is from and who takes it', async () => {
    const pages = catalogue(await loadReferenceSources());
    const page = pages.get('order.confirmed.v1.md')!;
    for (const line of [
      '| exchange | `orders.events` (topic, durable) |',
      '| routing key | `order.confirmed.v1` |',
      '| owner | order-service |',
      '| published by | order-service |',
      '| consumed by | email-service, from `email-service.mails`<br>gateway, from `gateway.order-view` |',
      '| `lines[].quantity` | integer | yes | 1 to 100000 | pieces | How many are ordered. |',
    ]) {
      expect(page).toContain(`\n${line}\n`);
    }
    for (const { type, description } of allContracts) {
      expect(pages.get('README.md')).toContain(`[${type}](${type}.md)`);
      expect(pages.get(`${type}.md`)).toContain(description);
    }
  });

  it('says what replaces a message that has a newer version beside it', async () => {
    const sources = await loadReferenceSources();
    const old = allContracts.find(({ type }) => type === 'order.placed.v1')!;
    const next: Contract = { ...old, type: 'order.placed.v2', version: 2 };
    const pages = catalogue({ ...sources, contracts: [...allContracts, next] });
    expect(pages.get('order.placed.v1.md')).toContain(
      '**Deprecated**: [order.placed.v2](order.placed.v2.md)',
    );
    expect(pages.get('order.placed.v2.md')).not.toContain('Deprecated');
  });
});

describe('the fields of a message', () => {
  const rows = (properties: DataSchema['properties'], $defs: DataSchema['$defs'] = {}) =>
    fieldRows({ properties, $defs, required: ['a'] } as Partial<DataSchema> as DataSchema);

  it('say what is allowed in words', () => {
    const found = rows({
      a: { type: 'integer', minimum: 1, description: 'How long. Unit: ms.' },
      b: { type: ['string', 'null'], pattern: '^a|b$', maxLength: 8 },
      c: {
        type: 'array',
        items: { type: 'string', enum: ['x', 'y'] },
        minItems: 1,
        maxItems: 3,
        uniqueItems: true,
      },
      d: { const: 'card' },
      e: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
      f: { type: 'string', format: 'uuid', pattern: '^long$' },
    });
    expect(found.map(({ type, constraints, unit }) => [type, constraints.join('; '), unit])).toEqual([
      ['integer', 'at least 1', 'ms'],
      ['string or null', 'at most 8 characters; `^a|b$`', ''],
      ['list of string', '1 to 3 items; no item twice; items: one of `x`, `y`', ''],
      ['string', '`card`', ''],
      ['number', 'more than 0; less than 1', ''],
      ['string (uuid)', '', ''],
    ]);
    expect(found.map(({ required }) => required)).toEqual([true, false, false, false, false, false]);
    expect(found[0]!.description).toBe('How long.');
  });

  it('go into classes and alternatives, and once into a class that holds itself', () => {
    const found = rows(
      {
        a: { oneOf: [{ $ref: '#/$defs/Card' }, { $ref: '#/$defs/Cash' }] },
        tree: { type: 'array', items: { $ref: '#/$defs/Node' } },
        spare: { anyOf: [{ $ref: '#/$defs/Cash' }, { type: 'null' }] },
      },
      {
        Card: { properties: { number: { type: 'string' } } },
        Cash: { properties: { coins: { type: 'integer' } } },
        Node: { properties: { children: { type: 'array', items: { $ref: '#/$defs/Node' } } } },
      },
    );
    expect(found.map(({ path, type }) => `${path}: ${type}`)).toEqual([
      'a: Card or Cash',
      'a(Card).number: string',
      'a(Cash).coins: integer',
      'tree: list of Node',
      'tree[].children: list of Node',
      'spare: Cash or null',
      'spare.coins: integer',
    ]);
  });
});
