-- What a call that nobody reports on costs, also where it is a run's first.

-- Of the run's model: what the catalog says, in US dollars for a million tokens ({input, cachedInput, cacheWrite?, output}),
-- or json's null for a price that is not known. Null when the worker did not say.
alter table usage add column price jsonb;

-- As the one without `prices`, and keeps the price with the reserved call. `prices`: those of all models, by id.
create function claim_run(target uuid, expected_wakeup integer, worker text, claim uuid, prices jsonb) returns json
language plpgsql as $$
declare
  run runs;
begin
  select * into run from runs r where r.id = target for no key update;
  if not found or run.wakeup <> expected_wakeup or run.status not in ('queued', 'running') then
    return null;
  end if;
  if run.status <> 'running' or run.claim_id is distinct from claim then
    if run.epoch > 0 then
      perform settle_by_estimate(run, 0);
    end if;
    update runs r set status = 'running', epoch = r.epoch + 1, crashes = r.crashes + (r.status = 'running')::integer,
        worker_id = worker, claim_id = claim, started_at = coalesce(r.started_at, now()), touched_at = now()
      where r.id = target returning * into run;
    insert into usage (run_id, step, epoch, account_id, model, price)
      values (run.id, run.steps + 1, run.epoch, run.account_id, run.model, prices -> run.model);
  end if;
  return json_build_object('epoch', run.epoch, 'crashes', run.crashes,
    'cancelRequested', run.cancel_requested_at is not null);
end
$$;

-- For workers of the release before.
create or replace function claim_run(target uuid, expected_wakeup integer, worker text, claim uuid) returns json
language sql as $$
  select claim_run(target, expected_wakeup, worker, claim, '{}')
$$;

-- As before, but before the first settled step the price is the one that was kept with the call: of its input that of a
-- cache's beginning, where that has a price of its own.
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
    select ceil(coalesce(sum(length(p.part::text)), 0) / 4.0) into input_estimate
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
