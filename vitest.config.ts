import { defineConfig } from 'vitest/config';

const slow = { testTimeout: 60_000, hookTimeout: 120_000, teardownTimeout: 30_000 };

/**
 * Three kinds of tests: `unit` needs nothing and is fast; `integration` gets a real Postgres and Redis; `end-to-end` starts
 * the whole system. The kinds run one after another, for the machine is small and the last are jealous of time.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{packages,apps}/*/src/**/*.test.ts',
            'apps/gateway/page/**/*.test.ts',
            'apps/standalone/{fleet,torture}/**/*.test.ts',
            'scripts/**/*.test.ts',
          ],
          sequence: { groupOrder: 0 },
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['{packages,apps}/*/test/**/*.test.ts'],
          exclude: ['apps/standalone/**', '**/node_modules/**'],
          globalSetup: ['./vitest.global-setup.ts'],
          sequence: { groupOrder: 1 },
          maxWorkers: 2,
          ...slow,
        },
      },
      {
        test: {
          name: 'end-to-end',
          include: ['apps/standalone/test/**/*.test.ts'],
          globalSetup: ['./vitest.global-setup.ts'],
          sequence: { groupOrder: 2 },
          fileParallelism: false,
          ...slow,
        },
      },
    ],
  },
});
