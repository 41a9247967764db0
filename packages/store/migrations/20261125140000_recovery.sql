-- Recovery to its full depth: answers that were lost, and all that a sweep may find.

-- Names one attempt to claim, so that the same attempt asked again is told the same.
alter table runs add column claim_id uuid;

create function claim_run(target uuid, expected_wakeup integer, worker text, claim uuid) returns json language plpgsql as $$
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
    insert into usage (run_id, step, epoch, account_id, model)
      values (run.id, run.steps + 1, run.epoch, run.account_id, run.model);
  end if;
  return json_build_object('epoch', run.epoch, 'crashes', run.crashes,
    'cancelRequested', run.cancel_requested_at is not null);
end
$$;

-- For workers of the release before.
create or replace function claim_run(target uuid, expected_wakeup integer, worker text) returns json language sql as $$
  select claim_run(target, expected_wakeup, worker, gen_random_uuid())
$$;

-- As the one without `claim`, and the same claim asked again is told the same epoch.
create function reclaim_run(target uuid, held_epoch integer, claim uuid) returns integer language plpgsql as $$
begin
  update runs r set epoch = r.epoch + 1, claim_id = claim, touched_at = now()
    where r.id = target and r.epoch = held_epoch and r.status = 'running';
  if found then
    update usage u set epoch = held_epoch + 1 where u.run_id = target and u.settled_at is null;
  elsif not exists (
    select from runs r where r.id = target and r.epoch = held_epoch + 1 and r.status = 'running' and r.claim_id = claim
  ) then
    perform refuse_lost_run(target, held_epoch);
  end if;
  return held_epoch + 1;
end
$$;

-- What waits for a person does not wait for ever; null for what was asked before this was so.
alter table approvals alter column expires_at set default now() + interval '7 days';
create index approvals_expiring on approvals (expires_at) where status = 'requested';

-- What may be wrong with a run, oldest first, after the run `after_id`: {runId, wakeup, priority, status, trouble}[].
--   unattended   queued or running, and nobody touched it: whether it has a live job is the queue's to say
--   uncancelled  asked to stop, and long past the time that a living worker takes
--   stranded     pending, though its thread has nothing else at work
--   expired      waits for a person whose time is over
create function find_troubled_runs(untouched_ms double precision, cancelling_ms double precision, page_size integer, after_id uuid)
returns json language sql stable as $$
  with troubled as (
    select r.*, 'unattended' as trouble from runs r
      where r.status in ('queued', 'running') and r.touched_at < now() - untouched_ms * interval '1 millisecond'
        and (r.cancel_requested_at is null or r.cancel_requested_at >= now() - cancelling_ms * interval '1 millisecond')
    union all
    select r.*, 'uncancelled' from runs r
      where r.status in ('queued', 'running', 'awaiting-approval')
        and r.cancel_requested_at < now() - cancelling_ms * interval '1 millisecond'
        and r.touched_at < now() - cancelling_ms * interval '1 millisecond'
    union all
    select r.*, 'stranded' from runs r
      where r.status = 'pending' and r.touched_at < now() - untouched_ms * interval '1 millisecond' and not exists (
        select from runs a where a.thread_id = r.thread_id and a.status in ('queued', 'running', 'awaiting-approval'))
    union all
    select r.*, 'expired' from runs r
      where r.status = 'awaiting-approval' and r.cancel_requested_at is null
        and r.id in (select a.run_id from approvals a where a.status = 'requested' and a.expires_at < now())
  )
  select coalesce(json_agg(json_build_object('runId', t.id, 'wakeup', t.wakeup, 'priority', t.priority, 'status', t.status,
    'trouble', t.trouble) order by t.id), '[]')
  from (select * from troubled where after_id is null or id > after_id order by id limit page_size) t
$$;

-- Compare and set: a run of `find_troubled_runs` becomes runnable under a new wakeup, and is ended by its next worker when
-- it was asked to stop or when nobody answered in time. Its worker, if any, is fenced by the status at once; that it went
-- away counts as a crash, as a claim would have counted it.
create function wake_run(target uuid, held_wakeup integer) returns integer language plpgsql as $$
declare
  run runs;
  raised integer;
begin
  select * into run from runs r where r.id = target;
  if not found then
    return null;
  end if;
  perform lock_account(run.account_id);
  perform from threads t where t.id = run.thread_id for no key update;
  update runs r set wakeup = r.wakeup + 1, crashes = r.crashes + (r.status = 'running')::integer, status = 'queued',
      worker_id = null, touched_at = now()
    where r.id = target and r.wakeup = held_wakeup
      and (r.status in ('queued', 'running')
        or r.status = 'awaiting-approval' and (r.cancel_requested_at is not null or exists (
          select from approvals a where a.run_id = r.id and a.status = 'requested' and a.expires_at < now()))
        or r.status = 'pending' and not exists (
          select from runs a where a.thread_id = r.thread_id and a.status in ('queued', 'running', 'awaiting-approval')))
    returning r.wakeup into raised;
  if raised is not null and run.status = 'awaiting-approval' then
    update approvals a set status = 'expired', answered_at = now() where a.run_id = target and a.status = 'requested';
  end if;
  return raised;
end
$$;

-- As before, and says whether a person answered too late.
create or replace function load_run(target uuid, held_epoch integer) returns json language plpgsql stable as $$
begin
  return (select json_build_object(
    'run', r,
    'thread', thread_row(t),
    'project', json_build_object('id', p.id, 'sandboxId', p.sandbox_id),
    'history', (
      select coalesce(json_agg(message_row(m) order by m.position), '[]') from messages m
      where m.thread_id = r.thread_id and m.superseded_at is null and m.position < own.position),
    'parts', (
      select coalesce(json_agg(json_build_object('step', s.step, 'part', s.part, 'callId', s.call_id,
        'toolName', s.tool_name, 'ledger', s.ledger, 'effect', s.effect, 'incarnation', s.incarnation)
        order by s.step, s.position), '[]')
      from parts s where s.message_id = r.message_id),
    'hasCorrections', exists (select from corrections c where c.run_id = r.id),
    'hasExpiredApproval', exists (select from approvals a where a.run_id = r.id and a.status = 'expired'),
    'files', (
      select coalesce(json_agg(f order by f.id), '[]') from files f
      where f.project_id = r.project_id and f.path is not null))
  from runs r join threads t on t.id = r.thread_id join projects p on p.id = r.project_id
    join messages own on own.id = r.message_id
  where r.id = target and r.epoch = held_epoch and r.status = 'running');
end
$$;

-- Objects in storage that may have no row: written before their bytes, taken away with the row that names them. What is
-- left of a day ago belongs to nobody.
create table loose_objects (
  object_key text primary key,
  since timestamptz not null default now()
);
create index loose_objects_since on loose_objects (since);

create function reserve_objects(keys text[]) returns void language sql as $$
  insert into loose_objects (object_key) select unnest(keys) on conflict do nothing
$$;

create function forget_objects(keys text[]) returns void language sql as $$
  delete from loose_objects o where o.object_key = any (keys)
$$;

create or replace function create_file(asking actor, request jsonb) returns json language plpgsql as $$
declare
  file files;
  project projects;
begin
  if request ->> 'projectId' is not null then
    project := find_project(asking, 'write', request ->> 'projectId');
  else
    perform demand(asking, 'write', null, 'The account does not exist.');
  end if;
  insert into files (id, account_id, project_id, name, safe_name, media_type, size, object_key, created_by)
    values ((request ->> 'fileId')::uuid, asking.account_id, project.id, request ->> 'name', request ->> 'safeName',
      request ->> 'mediaType', (request ->> 'size')::bigint, request ->> 'objectKey', asking.user_id)
    returning * into file;
  delete from loose_objects o where o.object_key = file.object_key;
  return to_json(file);
end
$$;

-- However a file's row goes, its bytes are to go, too.
create function loosen_object() returns trigger language plpgsql as $$
begin
  insert into loose_objects (object_key, since) values (old.object_key, '-infinity') on conflict do nothing;
  return old;
end
$$;
create trigger files_deleted after delete on files for each row execute function loosen_object();

create index files_unattached on files (created_at) where project_id is null;

-- Keys of objects that belong to nobody; uploads that no run took up in that time are let go first.
create function find_loose_objects(unclaimed_ms double precision, page_size integer) returns json language plpgsql as $$
begin
  delete from files f where f.id in (
    select u.id from files u
    where u.project_id is null and u.created_at < now() - unclaimed_ms * interval '1 millisecond'
    order by u.created_at limit page_size for update skip locked);
  return (select coalesce(json_agg(o.object_key), '[]') from (
    select l.object_key from loose_objects l
    where l.since < now() - unclaimed_ms * interval '1 millisecond' order by l.since limit page_size) o);
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
