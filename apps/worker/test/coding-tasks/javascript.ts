import {
  added,
  byteOrderMark,
  type CodingTask,
  deleted,
  edited,
  moved,
  piece,
  source,
  withCrlf,
} from './task.ts';

const base = { language: 'JavaScript', needs: ['node'], test: 'node test.mjs' } as const;

/** A generated table in one line, as bundlers and exporters write them. */
const longLine = (price: number): string =>
  `export const prices = {${Array.from({ length: 3000 }, (_, index) => `"item-${index}":${index === 1777 ? price : index * 3}`).join(',')}};\n`;

const handlers = ['create', 'read', 'update', 'remove', 'archive'].map((verb) => ({
  verb,
  permission: verb === 'remove' ? 'read' : verb === 'read' ? 'read' : 'write',
}));

export const javascriptTasks: readonly CodingTask[] = [
  {
    ...base,
    name: 'tabs-in-a-parser',
    files: {
      'parse.mjs': source`
        export function parse(text) {
        →const settings = {};
        →for (const line of text.split('\n')) {
        →→const at = line.indexOf('=');
        →→if (at === -1) continue;
        →→settings[line.slice(0, at)] = line.slice(at + 1);
        →}
        →return settings;
        }
      `,
      'test.mjs': source`
        import assert from 'node:assert';
        import { parse } from './parse.mjs';
        assert.deepEqual(parse('# a = b\nname =  Ada\n\turl = x=y\n'), { name: 'Ada', url: 'x=y' });
      `,
    },
    gold: {
      'parse.mjs': edited(
        ['\t\tif (at === -1) continue;', "\t\tif (at === -1 || line.trimStart().startsWith('#')) continue;"],
        [
          '\t\tsettings[line.slice(0, at)] = line.slice(at + 1);',
          '\t\tconst name = line.slice(0, at).trim();\n\t\tsettings[name] = line.slice(at + 1).trim();',
        ],
      ),
    },
  },
  {
    ...base,
    name: 'crlf-in-source-and-data',
    files: {
      'invoice.mjs': withCrlf(source`
        import { readFileSync } from 'node:fs';

        const rates = JSON.parse(readFileSync(new URL('rates.json', import.meta.url), 'utf8'));

        export function total(rows, country) {
          let sum = 0;
          for (const row of rows) {
            sum += row.price;
          }
          return sum * rates[country];
        }
      `),
      'rates.json': withCrlf('{\n  "DE": 1.9,\n  "FR": 1.2\n}\n'),
      'test.mjs': source`
        import assert from 'node:assert';
        import { total } from './invoice.mjs';
        const rows = [{ price: 10, count: 2 }, { price: 5, count: 1 }];
        assert.equal(total(rows, 'DE'), 29.75);
        assert.equal(total(rows, 'FR'), 30);
      `,
    },
    gold: {
      'invoice.mjs': edited([
        '  for (const row of rows) {\n    sum += row.price;\n  }',
        '  for (const { price, count } of rows) {\n    sum += price * count;\n  }',
      ]),
      'rates.json': edited(['"DE": 1.9,', '"DE": 1.19,']),
    },
  },
  {
    ...base,
    name: 'byte-order-marks',
    files: {
      'greet.mjs': `${byteOrderMark}${source`
        import { readFileSync } from 'node:fs';
        const read = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));
        export const greet = (name) => read('german.json').greeting.replace('NAME', name);
      `}`,
      'german.json': `${byteOrderMark}${withCrlf('{\n  "greeting": "Guten Tag, NAMEN!"\n}\n')}`,
      'test.mjs': source`
        import assert from 'node:assert';
        import { greet } from './greet.mjs';
        assert.equal(greet('Änne'), 'Guten Tag, Änne!');
      `,
    },
    gold: {
      'greet.mjs': edited(
        ["import { readFileSync } from 'node:fs';\n", "import { readFileSync } from 'node:fs';\n\n"],
        [
          "JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));",
          String.raw`JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8').replace(/^\uFEFF/, ''));`,
        ],
      ),
      'german.json': edited(['{\n  "greeting": "Guten Tag, NAMEN!"', '{\n  "greeting": "Guten Tag, NAME!"']),
    },
  },
  {
    ...base,
    name: 'one-of-five-alike',
    files: {
      'handlers.mjs': handlers
        .map(
          ({ verb, permission }) => `export function ${verb}(user, id) {
  if (user === null) {
    throw new Error('Nobody is signed in.');
  }
  if (!user.permissions.includes('${permission}')) {
    throw new Error('Not allowed.');
  }
  return { id, by: user.name };
}
`,
        )
        .join('\n'),
      'test.mjs': source`
        import assert from 'node:assert';
        import * as handlers from './handlers.mjs';
        const reader = { name: 'Ada', permissions: ['read'] };
        const writer = { name: 'Bob', permissions: ['read', 'write'] };
        assert.throws(() => handlers.remove(reader, 1), /Not allowed/);
        assert.throws(() => handlers.update(reader, 1), /Not allowed/);
        assert.deepEqual(handlers.remove(writer, 1), { id: 1, by: 'Bob' });
        assert.deepEqual(handlers.read(reader, 1), { id: 1, by: 'Ada' });
        assert.deepEqual(handlers.archive(writer, 1), { id: 1, by: 'Bob', archived: true });
      `,
    },
    gold: {
      'handlers.mjs': edited(
        [
          piece`
            export function remove(user, id) {
              if (user === null) {
                throw new Error('Nobody is signed in.');
              }
              if (!user.permissions.includes('read')) {
          `,
          piece`
            export function remove(user, id) {
              if (user === null) {
                throw new Error('Nobody is signed in.');
              }
              if (!user.permissions.includes('write')) {
          `,
        ],
        [
          piece`
            export function archive(user, id) {
              if (user === null) {
                throw new Error('Nobody is signed in.');
              }
              if (!user.permissions.includes('write')) {
                throw new Error('Not allowed.');
              }
              return { id, by: user.name };
          `,
          piece`
            export function archive(user, id) {
              if (user === null) {
                throw new Error('Nobody is signed in.');
              }
              if (!user.permissions.includes('write')) {
                throw new Error('Not allowed.');
              }
              return { id, by: user.name, archived: true };
          `,
        ],
      ),
    },
  },
  {
    ...base,
    name: 'a-module-moves',
    files: {
      'lib/util.mjs': source`
        import { currency } from './currency.mjs';
        export const money = (cents) => (cents / 100).toFixed(2) + ' ' + currency;
      `,
      'lib/currency.mjs': "export const currency = 'EUR';\n",
      'lib/old/util.mjs': 'export const money = (cents) => cents;\n',
      'cart.mjs': source`
        import { money } from './lib/util.mjs';
        export const label = (items) => money(items.reduce((sum, item) => sum + item.cents, 0));
      `,
      'test.mjs': source`
        import assert from 'node:assert';
        import { existsSync } from 'node:fs';
        import { label } from './cart.mjs';
        import { money } from './lib/format/money.mjs';
        assert.equal(money(1234), '12.34 EUR');
        assert.equal(label([{ cents: 5 }, { cents: 95 }]), '1.00 EUR');
        assert(!existsSync(new URL('lib/util.mjs', import.meta.url)));
        assert(!existsSync(new URL('lib/old/util.mjs', import.meta.url)));
      `,
    },
    gold: {
      'lib/util.mjs': moved('lib/format/money.mjs', ["'./currency.mjs'", "'../currency.mjs'"]),
      'lib/old/util.mjs': deleted,
      'lib/index.mjs': added("export { money } from './format/money.mjs';\n"),
      'cart.mjs': edited(["'./lib/util.mjs'", "'./lib/index.mjs'"]),
    },
  },
  {
    ...base,
    name: 'a-line-of-fifty-thousand-characters',
    files: {
      'prices.mjs': longLine(-1),
      'shop.mjs': source`
        import { prices } from './prices.mjs';
        export const price = (name) => prices[name];
      `,
      'test.mjs': source`
        import assert from 'node:assert';
        import { price } from './shop.mjs';
        assert.equal(price('item-1777'), 4999);
        assert.equal(price('item-2999'), 8997);
        assert.equal(price('nothing'), 0);
      `,
    },
    gold: {
      'prices.mjs': edited(['"item-1777":-1,', '"item-1777":4999,']),
      'shop.mjs': edited(['prices[name];', 'prices[name] ?? 0;']),
    },
  },
];
