import { added, type CodingTask, edited, piece, source } from './task.ts';

const base = {
  language: 'Python',
  needs: ['python3'],
  // No compiled files are left behind.
  test: 'python3 -B test.py',
} as const;

export const pythonTasks: readonly CodingTask[] = [
  {
    ...base,
    name: 'a-package-with-relative-imports',
    test: 'python3 -B -m unittest -q shop.tests.test_order',
    files: {
      'shop/__init__.py': '',
      'shop/tests/__init__.py': '',
      'shop/discount.py': source`
        def rate(total):
            """The discount of an order."""
            if total > 100:
                return 0.1
            return 0
      `,
      'shop/order.py': source`
        from .discount import rate


        class Order:
            def __init__(self, prices):
                self.prices = prices

            def total(self):
                total = sum(self.prices)
                return total * rate(total)
      `,
      'shop/tests/test_order.py': source`
        import unittest

        from ..order import Order


        class OrderTest(unittest.TestCase):
            def test_small(self):
                self.assertEqual(Order([40, 59]).total(), 99)

            def test_exactly_a_hundred_is_large(self):
                self.assertEqual(Order([50, 50]).total(), 90)
      `,
    },
    gold: {
      'shop/discount.py': edited(['    if total > 100:', '    if total >= 100:']),
      'shop/order.py': edited([
        '        return total * rate(total)',
        '        return round(total * (1 - rate(total)), 2)',
      ]),
    },
  },
  {
    ...base,
    name: 'names-beyond-ascii',
    files: {
      'übersetzung/wörter mit leerzeichen.py': source`
        import unicodedata

        EMOJI = {"🎉": "party", "👩‍🔬": "scientist"}


        def slug(größe):
            for zeichen, wort in EMOJI.items():
                größe = größe.replace(zeichen, wort)
            return größe.lower().replace(" ", "-")
      `,
      'test.py': source`
        import importlib.util

        spec = importlib.util.spec_from_file_location("words", "übersetzung/wörter mit leerzeichen.py")
        words = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(words)
        assert words.slug("Crème Brûlée") == "creme-brulee", words.slug("Crème Brûlée")
        assert words.slug("Straße 🎉") == "strasse-party", words.slug("Straße 🎉")
        assert words.slug("東京 👩‍🔬") == "東京-scientist", words.slug("東京 👩‍🔬")
      `,
    },
    gold: {
      'übersetzung/wörter mit leerzeichen.py': edited([
        '    return größe.lower().replace(" ", "-")',
        '    größe = unicodedata.normalize("NFKD", größe.casefold())\n    größe = "".join(z for z in größe if not unicodedata.combining(z))\n    return größe.replace(" ", "-")  # ß → ss, é → e',
      ]),
    },
  },
  {
    ...base,
    name: 'no-line-end-at-the-end',
    files: {
      'wrap.py': piece`
        def wrap(text, width):
            lines = [""]
            for word in text.split():
                if len(lines[-1]) + len(word) > width:
                    lines.append("")
                lines[-1] += word + " "
            return lines
      `,
      'limits.py': 'WIDTH = 12',
      'test.py': source`
        from limits import MAX_LINES, WIDTH
        from wrap import wrap

        assert (WIDTH, MAX_LINES) == (10, 3)
        assert wrap("a quick brown fox", WIDTH) == ["a quick", "brown fox"], wrap("a quick brown fox", WIDTH)
      `,
    },
    gold: {
      'wrap.py': edited(
        ['    lines = [""]', '    lines = []'],
        [
          '        if len(lines[-1]) + len(word) > width:\n            lines.append("")\n        lines[-1] += word + " "\n    return lines',
          '        if lines and len(lines[-1]) + 1 + len(word) <= width:\n            lines[-1] += " " + word\n        else:\n            lines.append(word)\n    return lines  # never empty ones',
        ],
      ),
      'limits.py': edited(['WIDTH = 12', 'WIDTH = 10\nMAX_LINES = 3']),
    },
  },
  {
    ...base,
    name: 'a-name-changes-everywhere',
    files: {
      'geometry.py': source`
        def calc(a, b):
            return (a * a + b * b) ** 0.5


        def perimeter(a, b):
            return a + b + calc(a, b)


        def longest(pairs):
            return max(calc(a, b) for a, b in pairs) if pairs else calc(0, 0)
      `,
      'report.py': source`
        from geometry import calc, longest


        def lines(pairs):
            yield "longest: %.1f" % longest(pairs)
            for a, b in pairs:
                yield "%d %d %.1f" % (a, b, calc(a, b))
      `,
      'test.py': source`
        import geometry
        from report import lines

        assert geometry.hypotenuse(3, 4) == 5
        assert not hasattr(geometry, "calc")
        assert geometry.perimeter(3, 4) == 12
        assert list(lines([(3, 4)])) == ["longest: 5.0", "3 4 5.0"]
        assert open("CHANGES.md").read().startswith("# Changes")
      `,
    },
    gold: {
      'geometry.py': edited(['calc(', 'hypotenuse(', 4]),
      'report.py': edited(['import calc,', 'import hypotenuse,'], ['calc(a, b)', 'hypotenuse(a, b)']),
      'CHANGES.md': added('# Changes\n\n- `calc` is called `hypotenuse`\n\n'),
    },
  },
];
