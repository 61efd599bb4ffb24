/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  // The gate has two cores, and a third of the time a test waits: for a reply, a timer, a process of its own.
  maxWorkers: 3,
  testSequencer: '<rootDir>/test/support/longest-first.js',
  // The end-to-end tests run the whole pipeline in a process of its own.
  testTimeout: 120_000,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '<rootDir>/test/support/strip-types.js' },
  modulePathIgnorePatterns: ['<rootDir>/cdk.out', '<rootDir>/.local'],
  watchPathIgnorePatterns: ['<rootDir>/cdk.out', '<rootDir>/.local'],
};
