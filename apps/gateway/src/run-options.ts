import { AppError, findModel, type RunLimits } from '@switchyard/protocol';
import type { Gateway } from './gateway.ts';
import { type Fault, invalid } from './validate.ts';

/** The id of the model that a request names, or of the default one. Throws AppError `unknown_model`. */
export function modelOf(models: Gateway['config']['models'], name: string | undefined): string {
  const entry = name === undefined ? models[0] : findModel(models, name);
  if (entry) return entry.id;
  const known = models.map(({ id }) => id).join(', ');
  throw new AppError(
    'unknown_model',
    known === '' ? 'No model is configured.' : `This model is not in the catalog, which has: ${known}.`,
    { details: { errors: [{ pointer: '/model', detail: 'Unknown model.' }] } },
  );
}

/** The limits of a run, with ours where the request says nothing. Throws AppError `invalid_request` above a cap. */
export function limitsOf(
  { defaults, caps }: Gateway['config']['runLimits'],
  wanted: RunLimits = {},
): RunLimits {
  const faults: Fault[] = [];
  for (const name of ['maxSteps', 'maxDurationMs', 'maxTokens', 'maxCostUsd'] as const) {
    if ((wanted[name] ?? 0) > caps[name]) {
      faults.push({ pointer: `/limits/${name}`, detail: `At most ${caps[name]}.` });
    }
  }
  if (faults.length > 0) throw invalid(faults);
  return { ...defaults, ...wanted };
}

/**
 * The url of the uploaded file that a file part names, as it is stored, whatever origin the client put before it; null
 * for any other url. Whose the file is, the store knows.
 */
export function uploadUrlOf(url: string): string | null {
  const [, id] = /\/v1\/files\/([0-9a-f-]{36})$/i.exec(url) ?? [];
  return id === undefined ? null : `/v1/files/${id.toLowerCase()}`;
}
