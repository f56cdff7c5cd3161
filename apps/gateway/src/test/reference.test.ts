import { allContracts } from '@warren/contracts';
import { PROBLEM_TYPES } from '../http/problem-types.ts';
import { GatewayUnderTest } from './gateway-under-test.ts';

let gateway: GatewayUnderTest;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start({ WARREN_SCHEMA_BASE_URL: 'https://warren.example.org/schemas/' });
});

afterAll(() => gateway?.stop());

const PUBLIC = ['POST /v1/users', 'POST /v1/sessions', 'POST /v1/payment-callbacks'];

const openApi = async () => (await gateway.call('GET', '/openapi.json')).body;

describe('the OpenAPI document', () => {
  it('names every call of the API', async () => {
    const { openapi, paths } = await openApi();
    expect(openapi).toBe('3.1.0');
    const calls = Object.entries(paths as Record<string, object>)
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`))
      .filter((call) => call.includes('/v1/'))
      .sort();
    expect(calls).toEqual([
      'GET /v1/files',
      'GET /v1/files/{id}',
      'GET /v1/files/{id}/content',
      'GET /v1/files/{id}/derivatives/{name}',
      'GET /v1/files/{id}/events',
      'GET /v1/orders',
      'GET /v1/orders/{id}',
      'GET /v1/orders/{id}/events',
      'GET /v1/products',
      'GET /v1/users/me',
      'POST /v1/files',
      'POST /v1/orders',
      'POST /v1/orders/{id}/cancellation',
      'POST /v1/payment-callbacks',
      'POST /v1/sessions',
      'POST /v1/users',
    ]);
  });

  it('describes the problems of each call by the one list of them', async () => {
    const { paths } = await openApi();
    const { responses } = paths['/v1/orders'].post;
    expect(Object.keys(responses).sort()).toEqual(['202', '400', '401', '413', '415', '422', '500', '503']);
    expect(responses['422'].content['application/problem+json'].examples).toMatchObject({
      'idempotency-key-reused': { value: { type: '/problems/idempotency-key-reused', status: 422 } },
    });
    expect(JSON.stringify(paths)).not.toContain('x-problem-');
  });

  it('refers to nothing that it does not hold', async () => {
    const document = await openApi();
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g);
    for (const [, name] of references) expect(Object.keys(document.components.schemas)).toContain(name);
  });

  it('is told the truth about which calls need a token', async () => {
    const { paths } = await openApi();
    for (const [path, methods] of Object.entries(paths as Record<string, Record<string, any>>)) {
      if (!path.startsWith('/v1/')) continue;
      for (const [method, operation] of Object.entries(methods)) {
        const call = `${method.toUpperCase()} ${path}`;
        const url = path.replace('{id}', '01912d68-783e-7a3c-8a2c-0c6e6f3f6a03').replace('{name}', 'x');
        const answer = await gateway.call(method.toUpperCase(), url, method === 'post' ? { json: {} } : {});
        const needed = !PUBLIC.includes(call);
        expect({ call, needed: answer.body.type === '/problems/missing-token' }).toEqual({ call, needed });
        expect({ call, documented: operation.security !== undefined }).toEqual({ call, documented: needed });
      }
    }
  });
});

describe('the page that shows it', () => {
  it('loads everything from the gateway itself', async () => {
    const { body: html, headers } = await gateway.call<string>('GET', '/docs');
    expect(headers.get('content-type')).toContain('text/html');
    const sources = [...html.matchAll(/(?:src|href)=['"]([^'"]+)['"]/g)].map(([, source]) => source!);
    expect(sources.length).toBeGreaterThan(3);
    for (const source of sources) {
      expect(source).toMatch(/^\.\//);
      const answer = await gateway.call('GET', new URL(source, `${gateway.service.url}/docs`).pathname);
      expect({ source, status: answer.status }).toEqual({ source, status: 200 });
    }
    const { body: script } = await gateway.call<string>('GET', '/docs/swagger-ui-init.js');
    expect(script).toContain('"validatorUrl": null');
  });
});

describe('the AsyncAPI document', () => {
  it('describes every message, with the schemas and examples where this system serves them', async () => {
    const { status, headers, body } = await gateway.call('GET', '/asyncapi.json');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toContain('application/vnd.aai.asyncapi+json');
    expect(headers.get('cache-control')).toBe('public, max-age=300');
    expect(body.asyncapi).toBe('3.0.0');
    expect(Object.keys(body.components.messages)).toEqual(allContracts.map(({ type }) => type));
    expect(body.components.messages['order.placed.v1']).toMatchObject({
      externalDocs: { url: 'https://warren.example.org/schemas/order.placed.v1.json' },
      examples: [{ payload: { dataschema: 'https://warren.example.org/schemas/order.placed.v1.json' } }],
    });
    expect(JSON.stringify(body)).not.toContain('api.example.com');
  });

  it('tells nobody where the broker is or by which account', async () => {
    const { body } = await gateway.call<object>('GET', '/asyncapi.json');
    const { hostname, port, username, password } = new URL(gateway.broker.url);
    expect(body).toMatchObject({ servers: { amqp: { host: '{host}:{port}' } } });
    const text = JSON.stringify(body);
    for (const secret of [`${hostname}:${port}`, `${username}:${password}`, gateway.broker.vhost]) {
      expect(text).not.toContain(secret);
    }
  });

  it('is not sent again to those who have it', async () => {
    const { headers } = await gateway.call('GET', '/asyncapi.json');
    const again = await gateway.call('GET', '/asyncapi.json', {
      headers: { 'if-none-match': headers.get('etag')! },
    });
    expect(again).toMatchObject({ status: 304, body: '' });
  });
});

describe('the page that shows the messages', () => {
  const page = () =>
    gateway.call<string>('GET', '/docs/events', { headers: { accept: 'text/html,*/*;q=0.8' } });
  const sourcesOf = (html: string) =>
    [...html.matchAll(/(?:src|href|data-document-url)="(\.[^"]+)"/g)].map(
      ([, source]) => new URL(source!, `${gateway.service.url}/docs/events`).pathname,
    );

  it('is for those who ask for HTML, and others keep JSON', async () => {
    const html = await page();
    expect(html.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(html.headers.get('vary')).toContain('accept');
    for (const accept of ['application/json', '*/*']) {
      const { headers } = await gateway.call('GET', '/docs/events', { headers: { accept } });
      expect(headers.get('content-type')).toContain('application/json');
    }
  });

  it('takes everything from the gateway itself, and its policy allows nothing else', async () => {
    const { body: html, headers } = await page();
    expect(html).not.toMatch(/\b(?:https?:)?\/\//);
    const policy = headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/https?:|\*|unsafe-inline/);
    const sources = sourcesOf(html);
    expect(sources).toHaveLength(4);
    for (const source of sources) {
      expect({ source, status: (await gateway.call('GET', source)).status }).toEqual({ source, status: 200 });
    }
  });

  it('is shown by the component of AsyncAPI, whose files are kept for good under names with their version', async () => {
    const sources = sourcesOf((await page()).body);
    const [style, script, start] = [/viewer\..*\.css$/, /viewer\..*\.js$/, /start\..*\.js$/].map((name) =>
      sources.find((source) => name.test(source))!,
    );
    expect((await gateway.call('GET', start!)).body).toContain('AsyncApiStandalone.render(');
    expect((await gateway.call('GET', script!)).body).toContain('AsyncApiStandalone');
    expect((await gateway.call('GET', style!)).body).toContain(
      '.aui-root .lowercase { text-transform: none; }',
    );
    for (const [file, type] of [
      [style, 'text/css; charset=utf-8'],
      [script, 'text/javascript; charset=utf-8'],
    ] as const) {
      const { headers } = await gateway.call('GET', file!);
      expect(headers.get('content-type')).toBe(type);
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    }
  });

  it('has no other files', async () => {
    for (const name of ['viewer.js', 'viewer.000000000000.js', '..%2F..%2Fpackage.json']) {
      const { status, body } = await gateway.call('GET', `/docs/events/${name}`);
      expect({ name, status, type: body.type }).toEqual({ name, status: 404, type: '/problems/not-found' });
    }
  });
});

describe('the reference of messages', () => {
  it('describes every contract with its schema and an example', async () => {
    const { status, body } = await gateway.call('GET', '/docs/events');
    expect(status).toBe(200);
    expect(body.messages.map(({ type }: { type: string }) => type)).toEqual(
      allContracts.map(({ type }) => type),
    );
    expect(body.messages.find(({ type }: { type: string }) => type === 'order.placed.v1')).toMatchObject({
      kind: 'event',
      exchange: 'orders.events',
      publishedBy: 'order-service',
      description: expect.any(String),
      example: { lines: [{ sku: 'SKU-TEAPOT' }] },
      dataschema: 'https://warren.example.org/schemas/order.placed.v1.json',
      schema: { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object' },
    });
    expect(body.messages.find(({ type }: { type: string }) => type === 'product.list.v1')).toMatchObject({
      kind: 'request',
      reply: 'product.listed.v1',
    });
  });

  it('has each schema at the URL that stands in messages', async () => {
    for (const { type } of allContracts) {
      const { status, headers, body } = await gateway.call('GET', `/schemas/${type}.json`);
      expect(status).toBe(200);
      expect(headers.get('content-type')).toBe('application/schema+json; charset=utf-8');
      expect(body).toMatchObject({ $id: `https://warren.example.org/schemas/${type}.json`, title: type });
    }
  });
});

describe('the error catalogue', () => {
  it('lists every type of problem, for programs and for people', async () => {
    const { body } = await gateway.call('GET', '/problems');
    expect(body.problems.map(({ type }: { type: string }) => type)).toEqual(
      Object.keys(PROBLEM_TYPES).map((name) => `/problems/${name}`),
    );
    const { body: html } = await gateway.call<string>('GET', '/problems', {
      headers: { accept: 'text/html' },
    });
    for (const name of Object.keys(PROBLEM_TYPES)) expect(html).toContain(`href="/problems/${name}"`);
  });

  it('has a page for each, which says what to do', async () => {
    for (const [name, { title, mend }] of Object.entries(PROBLEM_TYPES)) {
      const { status, body } = await gateway.call('GET', `/problems/${name}`);
      expect(status).toBe(200);
      expect(body).toMatchObject({ type: `/problems/${name}`, title, mend });
      const page = await gateway.call<string>('GET', `/problems/${name}`, {
        headers: { accept: 'text/html' },
      });
      expect(page.headers.get('content-type')).toContain('text/html');
      expect(page.body).toContain(`<title>${title}`);
    }
  });
});
