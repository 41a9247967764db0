import { startSupabase } from '../supabase/start-supabase.ts';
import { readSupabaseConfig } from './config.ts';
import { runUntilStopped } from './run-until-stopped.ts';

const log = (line: string) => process.stderr.write(`${line}\n`);
await runUntilStopped(() => startSupabase({ ...readSupabaseConfig(process.env), log }));
