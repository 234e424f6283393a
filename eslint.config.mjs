import importX from 'eslint-plugin-import-x';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import tseslint from 'typescript-eslint';

// Imports flow downwards through these layers, never up. A file may import from its own layer and from those
// before it.
const layers = [
  ['pkg/gen'],
  ['pkg/base'],
  ['pkg/kernel'],
  ['pkg/resource'],
  ['pkg/routing'],
  ['pkg/certificates'],
  ['pkg/scheduler'],
  ['pkg/manifest'],
  ['pkg/store'],
  ['pkg/reconcile'],
  ['pkg/client'],
  ['pkg/builder'],
  ['pkg/images'],
  ['pkg/registry'],
  ['pkg/metrics'],
  [
    'pkg/controllers',
    'pkg/api',
    'pkg/agent',
    'pkg/proxy',
    'pkg/dns',
    'pkg/virtualip',
    'pkg/router',
    'pkg/stage',
    'pkg/autoscaler',
  ],
  ['cmd'],
];

const zones = layers.flatMap((layer, index) => {
  const above = layers.slice(index + 1).flat();
  const siblings = layer;
  return layer.flatMap((target) =>
    [...above, ...siblings.filter((other) => other !== target)].map((from) => ({
      target: `./${target}`,
      from: `./${from}`,
      message:
        'imports flow base → resource → store → reconcile → controllers, api, agent → cmd (docs/architecture.md)',
    })),
  );
});

const tests = ['**/*.test.ts', 'pkg/testing/**', '**/*.contract.ts', 'test/**', 'bench/**'];

export default tseslint.config(
  { ignores: ['dist', 'pkg/gen', 'node_modules', 'examples'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      'import-x/no-cycle': 'error',
      'import-x/order': ['error', { alphabetize: { order: 'asc' }, 'newlines-between': 'never' }],
      'import-x/no-restricted-paths': ['error', { zones }],
      'max-params': ['error', 5],
    },
  },
  {
    files: ['pkg/**/*.ts'],
    ignores: ['pkg/base/clock.ts', 'pkg/base/random.ts', ...tests],
    rules: {
      // The simulator runs everything in virtual time and from one seed; what takes the clock or chance by itself
      // escapes it.
      'no-restricted-globals': [
        'error',
        { name: 'setTimeout', message: 'pass in a Clock (pkg/base/clock.ts)' },
        { name: 'setInterval', message: 'pass in a Clock (pkg/base/clock.ts)' },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'pass in a Clock (pkg/base/clock.ts)' },
        { object: 'Math', property: 'random', message: 'pass in a Random (pkg/base/random.ts)' },
        { object: 'performance', property: 'now', message: 'pass in a Clock (pkg/base/clock.ts)' },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: "NewExpression[callee.name='Date'][arguments.length=0]",
          message: 'pass in a Clock (pkg/base/clock.ts)',
        },
      ],
    },
  },
);
