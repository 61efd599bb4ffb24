/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  // The gate has two cores; half of what a test does happens in a process of its own.
  maxWorkers: 2,
  // The end-to-end tests run the whole pipeline in a process of its own.
  testTimeout: 120_000,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '<rootDir>/test/support/strip-types.js' },
  modulePathIgnorePatterns: ['<rootDir>/cdk.out', '<rootDir>/.local'],
  watchPathIgnorePatterns: ['<rootDir>/cdk.out', '<rootDir>/.local'],
};
