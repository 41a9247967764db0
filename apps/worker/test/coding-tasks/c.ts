import { added, type CodingTask, deleted, edited, piece, source } from './task.ts';

const base = { language: 'C', needs: ['gcc', 'make'], test: 'make -s check && make -s clean' } as const;

const clean = source`
  clean:
  →rm -f *.o check.out
`;

export const cTasks: readonly CodingTask[] = [
  {
    ...base,
    name: 'a-ring-buffer-and-its-header',
    files: {
      Makefile: `${source`
        check: check.out
        →./check.out
        check.out: ring.c test.c ring.h
        →gcc -Wall -Werror -o check.out ring.c test.c
      `}${clean}`,
      'ring.h': source`
        #ifndef RING_H
        #define RING_H
        #define RING_SIZE 4
        struct ring {
        →int items[RING_SIZE];
        →unsigned head;
        →unsigned tail;
        };
        int ring_push(struct ring *ring, int item);
        int ring_pop(struct ring *ring, int *item);
        #endif
      `,
      'ring.c': source`
        #include "ring.h"

        int ring_push(struct ring *ring, int item)
        {
        →ring->items[ring->head % RING_SIZE] = item;
        →ring->head++;
        →return 1;
        }

        int ring_pop(struct ring *ring, int *item)
        {
        →*item = ring->items[ring->tail % RING_SIZE];
        →ring->tail++;
        →return 1;
        }
      `,
      'test.c': source`
        #include <assert.h>
        #include "ring.h"
        int main(void)
        {
        →struct ring ring = {0};
        →int item = 0;
        →assert(!ring_pop(&ring, &item));
        →for (int i = 0; i < RING_SIZE; i++) assert(ring_push(&ring, i));
        →assert(!ring_push(&ring, 9));
        →assert(ring_length(&ring) == RING_SIZE);
        →assert(ring_pop(&ring, &item) && item == 0);
        →return 0;
        }
      `,
    },
    gold: {
      'ring.h': edited([
        'int ring_pop(struct ring *ring, int *item);\n',
        'int ring_pop(struct ring *ring, int *item);\nunsigned ring_length(const struct ring *ring);\n',
      ]),
      'ring.c': edited(
        [
          '#include "ring.h"\n',
          '#include "ring.h"\n\nunsigned ring_length(const struct ring *ring)\n{\n\treturn ring->head - ring->tail;\n}\n',
        ],
        [
          '\tring->items[ring->head',
          '\tif (ring_length(ring) == RING_SIZE)\n\t\treturn 0;\n\tring->items[ring->head',
        ],
        ['\t*item = ring', '\tif (ring_length(ring) == 0)\n\t\treturn 0;\n\t*item = ring'],
      ),
    },
  },
  {
    ...base,
    name: 'a-makefile-lacks-an-object',
    files: {
      Makefile: `${source`
        objects = main.o
        check: check.out
        →./check.out | grep -q '^6 720$$'
        check.out: $(objects)
        →gcc -o $@ $(objects)
        %.o: %.c
        →gcc -c -Wall -Werror -o $@ $<
      `}${clean}`,
      'math/factorial.c': source`
        #include "factorial.h"
        long factorial(int n)
        {
            return n < 1 ? 0 : n * factorial(n - 1);
        }
      `,
      'math/factorial.h': 'long factorial(int n);\n',
      'main.c': source`
        #include <stdio.h>
        #include "math/factorial.h"
        int main(void)
        {
            printf("%d %ld\n", 6, factorial(6));
        }
      `,
    },
    gold: {
      Makefile: edited(
        ['objects = main.o\n', 'objects = main.o math/factorial.o\n'],
        ['\trm -f *.o check.out\n', '\trm -f *.o */*.o check.out\n'],
      ),
      'math/factorial.c': edited(['return n < 1 ? 0 :', 'return n < 1 ? 1 :']),
    },
  },
  {
    ...base,
    name: 'a-module-comes-and-one-goes',
    files: {
      Makefile: `${source`
        check:
        →gcc -Wall -Werror -o check.out test.c legacy.c
        →./check.out
      `}${clean}`,
      'text.h': '#include <stddef.h>\n\nsize_t count_words(const char *text);\n',
      'legacy.c': source`
        #include "text.h"
        size_t count_words(const char *text) { size_t n = 1; for (; *text; text++) n += *text == ' '; return n; }
      `,
      'test.c': source`
        #include <assert.h>
        #include <string.h>
        #include "text.h"
        int main(void)
        {
        →char text[] = "  one\ttwo \n";
        →assert(count_words(text) == 2);
        →assert(count_words("") == 0);
        →assert(strcmp(reverse(text + 2), "\n owt\teno") == 0);
        }
      `,
    },
    gold: {
      Makefile: edited(['test.c legacy.c', 'test.c words.c reverse.c']),
      'text.h': edited(['(const char *text);', '(const char *text);\nchar *reverse(char *text);']),
      'legacy.c': deleted,
      'words.c': added(source`
        #include <ctype.h>
        #include "text.h"

        size_t count_words(const char *text)
        {
        →size_t count = 0;
        →for (int was_space = 1; *text; text++) {
        →→int is_space = isspace((unsigned char)*text);
        →→count += was_space && !is_space;
        →→was_space = is_space;
        →}
        →return count;
        }
      `),
      'reverse.c': added(
        `${piece`
        #include <string.h>
        #include "text.h"

        char *reverse(char *text)
        {
        →for (size_t i = 0, j = strlen(text); i + 1 < j--; i++) {
        →→char c = text[i];
        →→text[i] = text[j];
        →→text[j] = c;
        →}
        →return text;
        }
      `}\n`,
      ),
    },
  },
];
