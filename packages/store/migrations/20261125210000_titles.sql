-- Titles that runs write for threads without one.

-- Gives the run's thread the title unless it has one by now, and adds what the title cost to the run, as its step 0.
-- Answers whether the title was taken; repeated by the same run it changes nothing.
create function name_thread(target uuid, held_epoch integer, new_title text, counted jsonb, cost numeric) returns boolean
language plpgsql as $$
declare
  run runs;
  is_taken boolean;
begin
  select * into run from runs r where r.id = target;
  update threads t set title = new_title where t.id = run.thread_id and t.title is null;
  is_taken := found;
  select * into run from runs r where r.id = target and r.epoch = held_epoch and r.status = 'running' for no key update;
  if not found then
    perform refuse_lost_run(target, held_epoch);
  end if;
  if (counted ->> 'totalTokens')::bigint = 0 or exists (
    select from usage u where u.run_id = target and u.step = 0 and u.epoch = held_epoch) then
    return is_taken;
  end if;
  perform settle_usage(run, 0, counted, cost);
  update runs r set input_tokens = r.input_tokens + (counted ->> 'inputTokens')::bigint,
      cached_input_tokens = r.cached_input_tokens + (counted ->> 'cachedInputTokens')::bigint,
      output_tokens = r.output_tokens + (counted ->> 'outputTokens')::bigint,
      total_tokens = r.total_tokens + (counted ->> 'totalTokens')::bigint,
      is_usage_estimated = r.is_usage_estimated or (counted ->> 'estimated')::boolean,
      cost_usd = r.cost_usd + cost
    where r.id = target;
  return is_taken;
end
$$;

-- As before, and what a title cost says nothing of what a step does.
create or replace function settle_by_estimate(run runs, output_characters bigint) returns void language plpgsql as $$
declare
  input_estimate bigint;
  output_estimate bigint := ceil(output_characters / 4.0);
  cost_estimate numeric;
begin
  if not exists (select from usage u where u.run_id = run.id and u.settled_at is null) then
    return;
  end if;
  select u.input_tokens + u.output_tokens into input_estimate from usage u
    where u.run_id = run.id and u.settled_at is not null and u.step > 0 order by u.step desc, u.epoch desc limit 1;
  if not found then
    select ceil(coalesce(sum(length(p.part::text)), 0) / 4.0) into input_estimate
      from messages m join parts p on p.message_id = m.id
      where m.thread_id = run.thread_id and m.superseded_at is null;
  end if;
  cost_estimate := case when run.total_tokens = 0 then run.cost_usd
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
