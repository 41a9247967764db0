import { AppError } from '@switchyard/protocol';
import type { Model, Models } from './models.ts';

/** The model that a run asks: its own, or the one that took its place while its provider was overloaded. */
export interface ModelChoice {
  readonly own: Model;
  readonly current: Model;
  /** Turns to the next model, for as long as this worker has the run; null when there is none. */
  fallBack(): Model | null;
}

/** @throws AppError as `models` does, for the run's own model; a fallback that is not available is none */
export function createModelChoice(models: Models, modelId: string): ModelChoice {
  const own = models(modelId);
  let current = own;
  const tried = new Set([current.entry.id]);

  function nextModel(): Model | null {
    if (current.entry.fallback === null) return null;
    try {
      const next = models(current.entry.fallback);
      return tried.has(next.entry.id) ? null : next;
    } catch (error) {
      if (error instanceof AppError) return null;
      throw error;
    }
  }

  return {
    own,
    get current() {
      return current;
    },
    fallBack() {
      const next = nextModel();
      if (next === null) return null;
      tried.add(next.entry.id);
      current = next;
      return next;
    },
  };
}
