-- What was asked is counted as what it was: with the prompt and the tools, and with all attempts of a step.

-- As before, and what a first call sends beside the conversation: `promptTokens` of the price that was kept with it.
create or replace function settle_by_estimate(run runs, output_characters bigint) returns void language plpgsql as $$
declare
  reserved usage;
  input_estimate bigint;
  output_estimate bigint := ceil(output_characters / 4.0);
  cost_estimate numeric;
begin
  select * into reserved from usage u where u.run_id = run.id and u.settled_at is null;
  if not found then
    return;
  end if;
  select u.input_tokens + u.output_tokens into input_estimate from usage u
    where u.run_id = run.id and u.settled_at is not null and u.step > 0 order by u.step desc, u.epoch desc limit 1;
  if found then
    reserved.price := null;
  else
    select ceil(coalesce(sum(length(p.part::text)), 0) / 4.0) + coalesce((reserved.price ->> 'promptTokens')::bigint, 0)
      into input_estimate
      from messages m join parts p on p.message_id = m.id
      where m.thread_id = run.thread_id and m.superseded_at is null;
  end if;
  cost_estimate := case
    when reserved.price is not null then
      (input_estimate * coalesce(reserved.price ->> 'cacheWrite', reserved.price ->> 'input')::numeric
        + output_estimate * (reserved.price ->> 'output')::numeric) / 1000000
    when run.total_tokens = 0 then run.cost_usd
    else run.cost_usd * (input_estimate + output_estimate) / run.total_tokens end;
  update usage u set input_tokens = input_estimate, cached_input_tokens = 0, output_tokens = output_estimate,
      total_tokens = input_estimate + output_estimate, is_estimated = true, cost_usd = cost_estimate, settled_at = now()
    where u.run_id = run.id and u.settled_at is null;
  update runs r set input_tokens = r.input_tokens + input_estimate, output_tokens = r.output_tokens + output_estimate,
      total_tokens = r.total_tokens + input_estimate + output_estimate, is_usage_estimated = true,
      cost_usd = r.cost_usd + cost_estimate
    where r.id = run.id;
end
$$;

-- Hand-over. `spent`, {usage, costUsd}: by model calls since the last stored step; null: none was made.
create function release_run(target uuid, held_epoch integer, log_ordinal bigint, spent jsonb) returns void
language plpgsql as $$
declare
  run runs;
  counted jsonb := spent -> 'usage';
begin
  update runs r set status = 'queued', worker_id = null, last_ordinal = greatest(r.last_ordinal, log_ordinal),
      input_tokens = r.input_tokens + coalesce((counted ->> 'inputTokens')::bigint, 0),
      cached_input_tokens = r.cached_input_tokens + coalesce((counted ->> 'cachedInputTokens')::bigint, 0),
      output_tokens = r.output_tokens + coalesce((counted ->> 'outputTokens')::bigint, 0),
      total_tokens = r.total_tokens + coalesce((counted ->> 'totalTokens')::bigint, 0),
      is_usage_estimated = r.is_usage_estimated or coalesce((counted ->> 'estimated')::boolean, false),
      cost_usd = case when counted is null then r.cost_usd else r.cost_usd + (spent ->> 'costUsd')::numeric end,
      touched_at = now()
    where r.id = target and r.epoch = held_epoch and r.status = 'running' returning * into run;
  if not found then
    perform refuse_lost_run(target, held_epoch);
  end if;
  if counted is not null then
    perform settle_usage(run, run.steps + 1, counted, (spent ->> 'costUsd')::numeric);
  end if;
  delete from usage u where u.run_id = target and u.settled_at is null;
end
$$;

-- Whoever holds the project's public key reads nothing and calls nothing, see 20261123090600.
do $$
declare
  name text;
begin
  for name in select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = 'public' loop
    execute format('alter table %s enable row level security', name);
    execute format('revoke all on table %s from public, anon, authenticated', name);
  end loop;
  for name in select format('%I.%I', sequence_schema, sequence_name) from information_schema.sequences where sequence_schema = 'public' loop
    execute format('revoke all on sequence %s from public, anon, authenticated', name);
  end loop;
  for name in
    select p.oid::regprocedure::text from pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.proowner = current_user::regrole
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
  loop
    execute format('revoke all on function %s from public, anon, authenticated', name);
  end loop;
end
$$;
