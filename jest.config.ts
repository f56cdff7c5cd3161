import type { Config } from 'jest';

const config: Config = {
  testMatch: ['<rootDir>/**/src/**/*.test.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    '/dist/',
    '/.warren/',
    '/.nx/',
    // Many minutes of faults, one after the other: run when asked for, `npm test -- libs/reliability-rig`.
    ...(process.argv.some((argument) => argument.includes('reliability-rig'))
      ? []
      : ['/libs/reliability-rig/src/test/']),
  ],
  modulePathIgnorePatterns: ['/dist/', '/.warren/', '/.nx/'],
  extensionsToTreatAsEsm: ['.ts'],
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@warren/source', 'node', 'node-addons'] },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
          target: 'es2022',
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  globalSetup: '<rootDir>/tools/src/jest/global-setup.ts',
  globalTeardown: '<rootDir>/tools/src/jest/global-teardown.ts',
  coverageProvider: 'v8',
  collectCoverageFrom: ['{apps,libs}/*/src/**/*.ts', '!**/test/**'],
  maxWorkers: 2,
  workerIdleMemoryLimit: '400MB',
  testTimeout: 60_000,
};

export default config;
