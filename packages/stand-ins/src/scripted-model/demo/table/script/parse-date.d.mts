import type { DateFormat } from '../assumptions.ts';

export function parseDate(text: string, format: DateFormat): string | null;
