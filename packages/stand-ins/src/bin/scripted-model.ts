import { startScriptedModel } from '../scripted-model/start-scripted-model.ts';
import { readScriptedModelConfig } from './config.ts';
import { runUntilStopped } from './run-until-stopped.ts';

const log = (line: string) => process.stderr.write(`${line}\n`);
await runUntilStopped(() => startScriptedModel({ ...readScriptedModelConfig(process.env), log }));
