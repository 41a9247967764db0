import { z } from 'zod';

/** A variable that holds a small language of its own; what `parse` throws becomes the fault that is named with it. */
export function parsedText<Value>(parse: (text: string) => Value) {
  return z
    .string()
    .optional()
    .transform((text, context): Value => {
      try {
        return parse(text ?? '');
      } catch (error) {
        context.addIssue({
          code: 'custom',
          message: error instanceof Error ? error.message : 'cannot be read',
        });
        return z.NEVER;
      }
    });
}
