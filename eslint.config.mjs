import { createProjectGraphAsync } from '@nx/devkit';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

// Without a project graph the boundary rule would skip every file with no more than a warning.
await createProjectGraphAsync({ exitOnError: false });

const TESTS = ['**/*.test.ts', '**/src/test/**'];
const PRIVATE_IMPORT = {
  regex: '^@warren/(?!tools/|testing/run-from-source$)[^/]+/(?!package\\.json$)',
  message: "Import the library by its name: what its index.ts doesn't export is private.",
};
const TESTING_IMPORT = {
  regex: '^@warren/(testing|service-testing|tools)($|/)',
  message: 'Only tests use the testing library, the bench for services and the tools.',
};
const BROKER_IMPORT = {
  regex: '^(amqplib|amqp-connection-manager|rascal)($|/)',
  message: 'Services publish through the outbox and consume through @warren/messaging, nothing else.',
};
const ENV_IMPORT = {
  regex: '^(node:)?process$',
  message: 'Use the global process; its environment is read in config.ts alone.',
};
const ONLY_DOMAIN = {
  regex: '^(?!\\./)',
  message: 'domain/ is pure: it imports nothing but its own files (./…).',
};

const restrictImports = (...patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });
const onlyDependOn = (sourceTag, ...onlyDependOnLibsWithTags) => ({ sourceTag, onlyDependOnLibsWithTags });

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', '.warren/', '.nx/', '**/coverage/', '**/tmp/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  tseslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.mjs', 'examples/**/*.js'],
    plugins: { '@nx': nx },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'object-shorthand': 'error',
      'prefer-template': 'error',
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'The environment is read in config.ts alone, once, and validated.',
        },
      ],
      ...restrictImports(PRIVATE_IMPORT, TESTING_IMPORT, ENV_IMPORT),
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      // Nest, TypeORM and class-validator take classes as values of type Function, and `{}` for "no more than that".
      '@typescript-eslint/no-unsafe-function-type': 'off',
      '@typescript-eslint/no-empty-object-type': ['error', { allowObjectTypes: 'always' }],
      '@nx/enforce-module-boundaries': [
        'error',
        {
          allow: [],
          depConstraints: [
            onlyDependOn('type:app', 'type:lib'),
            onlyDependOn('type:lib', 'type:lib'),
            onlyDependOn('type:tool', 'type:tool', 'type:lib'),
            onlyDependOn('type:e2e', 'type:tool', 'type:lib'),
            onlyDependOn('scope:contracts'),
            onlyDependOn('scope:redaction'),
            onlyDependOn('scope:testing'),
            onlyDependOn('scope:observability', 'scope:redaction'),
            onlyDependOn('scope:object-storage', 'scope:testing'),
            onlyDependOn('scope:payment-sandbox', 'scope:observability', 'scope:testing'),
            onlyDependOn('scope:messaging', 'scope:contracts', 'scope:redaction', 'scope:testing'),
            onlyDependOn(
              'scope:service',
              'scope:contracts',
              'scope:messaging',
              'scope:observability',
              'scope:testing',
            ),
            onlyDependOn(
              'scope:service-testing',
              'scope:contracts',
              'scope:messaging',
              'scope:service',
              'scope:testing',
            ),
          ],
        },
      ],
    },
  },
  {
    files: ['apps/**/*.ts'],
    rules: restrictImports(PRIVATE_IMPORT, TESTING_IMPORT, ENV_IMPORT, BROKER_IMPORT),
  },
  {
    files: ['libs/service-testing/**/*.ts'],
    rules: restrictImports(PRIVATE_IMPORT, ENV_IMPORT),
  },
  {
    files: TESTS,
    rules: {
      'no-restricted-properties': 'off',
      ...restrictImports(PRIVATE_IMPORT),
      '@typescript-eslint/no-explicit-any': 'off',
    },
  },
  {
    files: ['**/domain/**/*.ts'],
    ignores: TESTS,
    rules: restrictImports(ONLY_DOMAIN),
  },
  {
    files: ['tools/**', 'e2e/**', 'libs/reliability-rig/**', 'bench/**', 'examples/**', '*.config.*'],
    rules: {
      'no-console': 'off',
      'no-restricted-properties': 'off',
      ...restrictImports(PRIVATE_IMPORT),
    },
  },
  { files: ['**/config.ts'], rules: { 'no-restricted-properties': 'off' } },
);
