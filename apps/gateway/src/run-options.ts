import { AppError, findModel, type RunLimits } from '@switchyard/protocol';
import type { Gateway } from './gateway.ts';
import { defaultRunLimits, runLimitCaps } from './limits.ts';
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
export function limitsOf(wanted: RunLimits = {}): RunLimits {
  const faults: Fault[] = [];
  for (const name of ['maxSteps', 'maxDurationMs', 'maxTokens', 'maxCostUsd'] as const) {
    if ((wanted[name] ?? 0) > runLimitCaps[name]) {
      faults.push({ pointer: `/limits/${name}`, detail: `At most ${runLimitCaps[name]}.` });
    }
  }
  if (faults.length > 0) throw invalid(faults);
  return { ...defaultRunLimits, ...wanted };
}

/** A file part names an uploaded file by the url that its upload answered; whose it is, the store knows. */
export function isUploadUrl(url: string): boolean {
  return /\/v1\/files\/[0-9a-f-]{36}$/i.test(url);
}
