/** @type {import('jest').Config} */
const common = {
  testEnvironment: 'node',
  // What is built has package.json files of its own.
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  transform: {
    '^.+\\.[jt]s$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' } },
    ],
  },
  // Some dependencies are published as ES modules only.
  transformIgnorePatterns: ['/node_modules/(?!@marcbachmann/cel-js/)'],
};

// What is real outlives a run that is killed: the next one begins with taking it away.
const real = { ...common, globalSetup: '<rootDir>/test/e2e/killed-runs.ts' };

// unit: pure, and whatever needs nothing but Node. contract: one suite for a fake and the real thing (etcd,
// Docker Engine). e2e: whole stages.
module.exports = {
  // What hangs fails; what is slow because the machine is busy does not.
  testTimeout: 30_000,
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/{pkg,cmd,bench}/**/*.test.ts'],
      testPathIgnorePatterns: ['\\.contract\\.test\\.ts$'],
    },
    {
      ...real,
      displayName: 'contract',
      testMatch: ['<rootDir>/pkg/**/*.contract.test.ts'],
    },
    {
      ...real,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/e2e/**/*.test.ts'],
      setupFilesAfterEnv: ['<rootDir>/test/e2e/setup.ts'],
    },
  ],
};
