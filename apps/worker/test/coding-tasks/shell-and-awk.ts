import { type CodingTask, deleted, edited, moved, source } from './task.ts';

export const shellAndAwkTasks: readonly CodingTask[] = [
  {
    language: 'Shell',
    needs: ['sh'],
    name: 'scripts-keep-their-mode',
    test: './test.sh',
    executables: ['count.sh', 'test.sh'],
    files: {
      'count.sh': source`
        #!/bin/sh
        # Counts the lines of all text files of a folder.
        . ./lib/find.sh
        total=0
        for file in $(text_files $1); do
          total=$((total + $(wc -l < $file)))
        done
        echo $total
      `,
      'lib/find.sh': 'text_files() {\n\tls $1/*.text\n}',
      'test.sh': source`
        #!/bin/sh
        set -eu
        trap 'rm -rf "my texts"' EXIT
        mkdir 'my texts'
        printf 'a\nb\n' > 'my texts/first one.txt'
        printf 'c\n' > 'my texts/second.txt'
        result=$(./count.sh 'my texts')
        test "$result" = 3
      `,
    },
    gold: {
      'count.sh': edited([
        'for file in $(text_files $1); do\n  total=$((total + $(wc -l < $file)))\ndone\necho $total',
        'while IFS= read -r file; do\n  total=$((total + $(wc -l < "$file")))\ndone <<LIST\n$(text_files "$1")\nLIST\necho "$total"',
      ]),
      'lib/find.sh': edited(['ls $1/*.text', 'ls "$1"/*.txt']),
    },
  },
  {
    language: 'Shell',
    needs: ['sh'],
    name: 'an-override-goes-and-a-library-moves',
    test: 'sh test.sh',
    files: {
      'config.d/10-defaults.conf': 'color=blue\nsize=1\n',
      'config.d/99 local override.conf': 'color=red\n',
      'common functions.sh': source`
        load() {
          for file in config.d/*.conf; do
            . "./$file"
          done
        }
      `,
      'main.sh': source`
        . './common functions.sh'
        load
        printf '%s %s\n' "$color" "$size"
      `,
      'test.sh': source`
        set -eu
        test "$(sh main.sh)" = 'blue 1'
        test -f lib/common.sh
        test ! -e 'common functions.sh'
      `,
    },
    gold: {
      'config.d/99 local override.conf': deleted,
      'common functions.sh': moved('lib/common.sh'),
      'main.sh': edited(["'./common functions.sh'", './lib/common.sh']),
    },
  },
  {
    language: 'AWK',
    needs: ['awk', 'sh'],
    name: 'mixed-line-ends-stay-mixed',
    test: 'sh test.sh',
    files: {
      'report.awk':
        'BEGIN { FS = "," }\r\n# names come first\n{ sum[$1] += $2 }\r\nEND {\n\tfor (name in sum) printf "%s\\t%d\\n", name, sum[name] | "sort"\n}\n',
      'filter.awk': source`
        # Leaves out what was cancelled.
        $3 == "cancelled" { exit }
      `,
      'orders.csv': 'b,2,\na,1,\na,5,cancelled\nb,3,\n',
      'test.sh': source`
        set -eu
        result=$(tr -d '\r' < report.awk > report.tmp; awk -f filter.awk -f report.tmp orders.csv; rm report.tmp)
        test "$result" = "$(printf 'a\t1.00\nb\t5.00')"
      `,
    },
    gold: {
      'report.awk': edited(
        ['BEGIN { FS = "," }', 'BEGIN { FS = ","; OFS = "\\t" }'],
        ['printf "%s\\t%d\\n", name', 'printf "%s\\t%.2f\\n", name'],
      ),
      'filter.awk': edited(['# Leaves out', 'BEGIN { FS = "," }\n# Leaves out'], ['{ exit }', '{ next }']),
    },
  },
];
