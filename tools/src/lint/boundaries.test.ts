import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { json, text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** In a process of its own: Nx reads the workspace with native code that Jest's module loader doesn't suit. */
async function lint(probes: { file: string; text: string }[]): Promise<string[][]> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('lint-texts.ts', import.meta.url))], {
    cwd: ROOT,
  });
  child.stdin.end(JSON.stringify(probes));
  const errors = text(child.stderr);
  const complaints = json(child.stdout).catch(async (cause) => {
    throw new Error(`lint-texts failed: ${await errors}`, { cause });
  });
  const [result] = await Promise.all([complaints, once(child, 'close')]);
  return result as string[][];
}

const forbidden: [what: string, file: string, text: string, complaint: RegExp][] = [
  [
    'an app that imports another app by name',
    'apps/gateway/src/probe.ts',
    `import '@warren/order-service';`,
    /^@nx\/enforce-module-boundaries: A project tagged with "type:app" can only depend on libs/,
  ],
  [
    'an app that reaches into another app by path',
    'apps/gateway/src/probe.ts',
    `import '../../order-service/src/topology.ts';`,
    /^@nx\/enforce-module-boundaries: /,
  ],
  [
    'an app that uses the testing library outside of its tests',
    'apps/gateway/src/probe.ts',
    `import '@warren/testing';`,
    /^no-restricted-imports: .*Only tests use the testing library/,
  ],
  [
    'an app that uses the bench for services outside of its tests',
    'apps/gateway/src/probe.ts',
    `import '@warren/service-testing';`,
    /^no-restricted-imports: .*Only tests use the testing library/,
  ],
  [
    'the testing library that imports what its users are made of',
    'libs/testing/src/test/probe.ts',
    `import '@warren/messaging';`,
    /^@nx\/enforce-module-boundaries: /,
  ],
  [
    'an app that talks to the broker past the outbox',
    'apps/order-service/src/probe.ts',
    `import { connect } from 'amqplib';\nexport { connect };`,
    /^no-restricted-imports: .*Services publish through the outbox/,
  ],
  [
    'an example that imports a library of ours, which no stranger has',
    'examples/node-consumer/probe.js',
    `import '@warren/contracts';`,
    /^@nx\/enforce-module-boundaries: A project without tags .* cannot depend on any libraries/,
  ],
  [
    'the payment sandbox that imports what Warren is made of',
    'apps/payment-sandbox/src/probe.ts',
    `import '@warren/contracts';`,
    /^@nx\/enforce-module-boundaries: A project tagged with "scope:payment-sandbox"/,
  ],
  [
    'a library that imports an app',
    'libs/messaging/src/probe.ts',
    `import '@warren/gateway';`,
    /^@nx\/enforce-module-boundaries: /,
  ],
  [
    'contracts that import another library',
    'libs/contracts/src/probe.ts',
    `import '@warren/observability';`,
    /^@nx\/enforce-module-boundaries: A project tagged with "scope:contracts" cannot depend on any libs/,
  ],
  [
    'redaction that imports another library',
    'libs/redaction/src/probe.ts',
    `import '@warren/contracts';`,
    /^@nx\/enforce-module-boundaries: A project tagged with "scope:redaction" cannot depend on any libs/,
  ],
  [
    'observability that imports messaging',
    'libs/observability/src/probe.ts',
    `import '@warren/messaging';`,
    /^@nx\/enforce-module-boundaries: A project tagged with "scope:observability"/,
  ],
  [
    'messaging that imports the service library',
    'libs/messaging/src/probe.ts',
    `import '@warren/service';`,
    /^@nx\/enforce-module-boundaries: /,
  ],
  [
    'an import of what a library does not export',
    'apps/gateway/src/probe.ts',
    `import '@warren/messaging/src/outbox/relay.ts';`,
    /^no-restricted-imports: .*what its index\.ts doesn't export is private/,
  ],
  [
    'a domain that imports a framework',
    'apps/order-service/src/domain/probe.ts',
    `import 'typeorm';`,
    /^no-restricted-imports: .*domain\/ is pure/,
  ],
  [
    'a domain that imports its own service',
    'apps/order-service/src/domain/probe.ts',
    `import '../topology.ts';`,
    /^no-restricted-imports: .*domain\/ is pure/,
  ],
  [
    'a domain that imports a library of ours',
    'apps/order-service/src/domain/probe.ts',
    `import '@warren/contracts';`,
    /^no-restricted-imports: .*domain\/ is pure/,
  ],
  [
    'the environment read outside of config.ts',
    'apps/gateway/src/probe.ts',
    `export const level = process.env['LEVEL'];`,
    /^no-restricted-properties: .*read in config\.ts alone/,
  ],
  [
    'the environment taken apart outside of config.ts',
    'libs/service/src/probe.ts',
    `const { env } = process;\nexport { env };`,
    /^no-restricted-properties: .*read in config\.ts alone/,
  ],
  [
    'the environment imported',
    'apps/gateway/src/probe.ts',
    `import { env } from 'node:process';\nexport { env };`,
    /^no-restricted-imports: .*read in config\.ts alone/,
  ],
];

const allowed: [what: string, file: string, text: string][] = [
  [
    'an app that imports libraries',
    'apps/gateway/src/probe.ts',
    `import '@warren/contracts';\nimport '@warren/service';`,
  ],
  [
    'a test that uses the testing library',
    'apps/gateway/src/test/probe.test.ts',
    `import '@warren/testing';`,
  ],
  ['a domain that imports its own files', 'apps/order-service/src/domain/probe.ts', `import './order.ts';`],
  [
    'a domain test that uses a test library',
    'apps/order-service/src/domain/probe.test.ts',
    `import 'fast-check';`,
  ],
  [
    'the environment read in config.ts',
    'apps/gateway/src/config.ts',
    `export const level = process.env['LEVEL'];`,
  ],
  [
    'a test of a library that starts its sources as a process',
    'libs/messaging/src/test/probe.ts',
    `import '@warren/testing/run-from-source';`,
  ],
  ['the environment read by the tools', 'tools/src/probe.ts', `export const level = process.env['LEVEL'];`],
];

describe('the boundaries of the workspace', () => {
  let complaints: string[][];

  beforeAll(async () => {
    const probes = [...forbidden, ...allowed].map(([, file, source]) => ({ file, text: `${source}\n` }));
    complaints = await lint(probes);
  });

  it.each(forbidden.map((row, index) => [row[0], index] as const))('refuse %s', (_what, index) => {
    expect(complaints[index]).toEqual([expect.stringMatching(forbidden[index]![3])]);
  });

  it.each(allowed.map((row, index) => [row[0], forbidden.length + index] as const))(
    'allow %s',
    (_what, index) => {
      expect(complaints[index]).toEqual([]);
    },
  );
});
