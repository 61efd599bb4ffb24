import js from '@eslint/js';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Imports point one way: packages <- shared <- everything else; nothing deployed knows about local, ops or test. */
const importDirections = [
  { target: './shared', from: ['./functions', './infra', './local', './ops', './test'] },
  { target: './functions', from: ['./infra', './local', './ops', './test'] },
  { target: './infra', from: ['./functions', './local', './ops', './test'] },
  { target: './infra', from: './shared', except: ['./errors.ts', './contract.ts'] },
  { target: './local', from: ['./functions', './infra', './ops', './test'] },
  { target: './ops', from: ['./functions', './infra', './local', './test'] },
];

export default tseslint.config(
  { ignores: ['cdk.out', '.local', 'node_modules', 'coverage'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones: importDirections }],
      'import-x/no-cycle': 'error',
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      eqeqeq: 'error',
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/consistent-type-assertions': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
);
