import type { NumberFormat } from '../assumptions.ts';

export function parseNumber(text: string, format: NumberFormat): number | null;
