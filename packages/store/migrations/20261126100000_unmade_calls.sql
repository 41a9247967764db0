-- A model call is reserved with the step before it, whose tools may run for long: of a worker that dies meanwhile.

-- As before, but a reserved call that cannot have been made, since the step before it has calls without a result, is
-- given up instead of charged.
create or replace function claim_run(target uuid, expected_wakeup integer, worker text, claim uuid, prices jsonb) returns json
language plpgsql as $$
declare
  run runs;
begin
  select * into run from runs r where r.id = target for no key update;
  if not found or run.wakeup <> expected_wakeup or run.status not in ('queued', 'running') then
    return null;
  end if;
  if run.status <> 'running' or run.claim_id is distinct from claim then
    if exists (select from parts p where p.message_id = run.message_id and p.step = run.steps
        and p.ledger in ('pending', 'executing')) then
      delete from usage u where u.run_id = run.id and u.settled_at is null;
    elsif run.epoch > 0 then
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
