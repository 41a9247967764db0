-- Threads and projects are found, renamed, put away and deleted. Deleting stops what is at work and leaves no row of what
-- was said; what was used stays, since it has been paid for.

-- Usage outlives its run.
alter table usage drop constraint usage_run_id_fkey;

-- Lists show either the archived threads or the others.
create index threads_listed on threads (account_id, archived, active_at desc, id desc);
drop index threads_activity;
-- What a project's deletion looks for.
create index files_project on files (project_id) where project_id is not null;

-- A page of the account's threads, the last active first. `sought` is a pattern of `ilike` for the title and the texts
-- of the 500 newest messages that are shown; null lists all. A search looks at 200 threads a call, so that none takes
-- long: `scannedTo` is the last of them when there may be more. `list_threads` stays for gateways of the release before.
create function find_threads(asking actor, before_at timestamptz, before_id uuid, page_size integer,
  wanted_archived boolean, sought text) returns json language plpgsql stable as $$
declare
  scan_size constant integer := case when sought is null then page_size else 200 end;
  scanned threads[];
begin
  perform demand(asking, 'read', null, 'The account does not exist.');
  select coalesce(array_agg(s order by s.active_at desc, s.id desc), '{}') into scanned from (
    select * from threads t
    where t.account_id = asking.account_id and t.archived = wanted_archived
      and (before_at is null or (t.active_at, t.id) < (before_at, before_id))
    order by t.active_at desc, t.id desc limit scan_size) s;
  return json_build_object(
    'threads', (
      select coalesce(json_agg(thread_row(found.thread) order by (found.thread).active_at desc, (found.thread).id desc), '[]') from (
        select s as thread from unnest(scanned) s
        where sought is null or s.title ilike sought or exists (
          select from (
            select m.id from messages m where m.thread_id = s.id and m.superseded_at is null
            order by m.position desc limit 500) newest
          join parts p on p.message_id = newest.id
          where p.part ->> 'type' = 'text' and p.part ->> 'text' ilike sought)
        order by s.active_at desc, s.id desc limit page_size) found),
    'scannedTo', case when cardinality(scanned) = scan_size then json_build_object(
      'active_at', scanned[scan_size].active_at, 'id', scanned[scan_size].id) end);
end
$$;

-- `changes`: title (null takes it away), archived, metadata; what is absent stays.
create function update_thread(asking actor, thread_name text, changes jsonb) returns jsonb language plpgsql as $$
declare
  thread threads := find_thread(asking, 'write', thread_name);
begin
  update threads t set
      title = case when changes ? 'title' then changes ->> 'title' else t.title end,
      archived = coalesce((changes ->> 'archived')::boolean, t.archived),
      metadata = coalesce(changes -> 'metadata', t.metadata)
    where t.id = thread.id returning * into thread;
  if not found then
    raise exception 'The thread does not exist.' using errcode = 'SY404';
  end if;
  return thread_row(thread);
end
$$;

create function rename_project(asking actor, project_name text, new_name text) returns json language plpgsql as $$
declare
  project projects := find_project(asking, 'write', project_name);
begin
  update projects p set name = new_name where p.id = project.id returning * into project;
  if not found then
    raise exception 'The project does not exist.' using errcode = 'SY404';
  end if;
  return to_json(project);
end
$$;

-- Removes threads with their messages and runs. The caller holds the locks of the account and of the threads. Whoever still writes for one of the runs finds no row. `runs`: those that were open, and those whose logs may be there
-- still; `promoted`: as `promote` answers.
create function remove_threads(account uuid, ids uuid[]) returns jsonb language plpgsql as $$
declare
  run runs;
  removed jsonb := '[]';
begin
  for run in
    select * from runs r
    where r.thread_id = any (ids) and (is_open(r.status) or r.ended_at > now() - interval '1 day')
    order by r.id for update
  loop
    perform settle_by_estimate(run, 0);
    removed := removed || jsonb_build_array(jsonb_build_object('runId', run.id, 'wasOpen', is_open(run.status)));
  end loop;
  delete from threads t where t.id = any (ids);
  return jsonb_build_object('runs', removed, 'promoted', promote(account, null));
end
$$;

-- Who made a thread may delete it, an owner any.
create function delete_thread(asking actor, thread_name text) returns jsonb language plpgsql as $$
declare
  thread threads := find_thread(asking, 'write', thread_name);
begin
  if thread.created_by is distinct from asking.user_id then
    perform demand(asking, 'manage', thread.project_id, 'The thread does not exist.');
  end if;
  perform lock_account(thread.account_id);
  perform from threads t where t.id = thread.id for update;
  if not found then
    raise exception 'The thread does not exist.' using errcode = 'SY404';
  end if;
  insert into audit (account_id, user_id, api_key_id, action, target_id)
    values (thread.account_id, asking.user_id, asking.api_key_id, 'thread.delete', thread.id::text);
  return remove_threads(thread.account_id, array[thread.id]);
end
$$;

-- Who made a project and every thread in it may delete it, an owner any. Also answers the `objectKeys` of its files, whose
-- bytes lie elsewhere.
create function delete_project(asking actor, project_name text) returns jsonb language plpgsql as $$
declare
  project projects := find_project(asking, 'write', project_name);
  answer jsonb;
begin
  perform lock_account(project.account_id);
  perform from threads t where t.project_id = project.id order by t.id for update;
  if project.created_by is distinct from asking.user_id or exists (
    select from threads t where t.project_id = project.id and t.created_by is distinct from asking.user_id
  ) then
    perform demand(asking, 'manage', project.id, 'The project does not exist.');
  end if;
  select * into project from projects p where p.id = project.id for update;
  if not found then
    raise exception 'The project does not exist.' using errcode = 'SY404';
  end if;
  insert into audit (account_id, user_id, api_key_id, action, target_id)
    values (project.account_id, asking.user_id, asking.api_key_id, 'project.delete', project.id::text);
  answer := remove_threads(project.account_id, array(select t.id from threads t where t.project_id = project.id))
    || jsonb_build_object('objectKeys', (
      select coalesce(jsonb_agg(f.object_key order by f.id), '[]') from files f where f.project_id = project.id));
  delete from projects p where p.id = project.id;
  return answer;
end
$$;

-- As before, and says so when the run was deleted while its locks were waited for.
create or replace function cancel_run(target uuid) returns json language plpgsql as $$
declare
  run runs;
  was_ended boolean;
  runnable jsonb := '[]';
begin
  select * into run from runs r where r.id = target for no key update;
  if not found then
    raise exception 'The run does not exist.' using errcode = 'SY404';
  end if;
  was_ended := not is_open(run.status);
  if was_ended then
    null;
  elsif run.epoch = 0 then
    update runs r set status = 'cancelled', reason = 'cancelled', ended_at = now(), cancel_requested_at = now(), touched_at = now()
      where r.id = target returning * into run;
  elsif run.status = 'awaiting-approval' then
    update runs r set status = 'queued', wakeup = r.wakeup + 1, cancel_requested_at = now(), touched_at = now()
      where r.id = target returning * into run;
    runnable := jsonb_build_array(runnable_run(run));
  elsif run.cancel_requested_at is null then
    update runs r set cancel_requested_at = now() where r.id = target returning * into run;
  end if;
  return json_build_object('run', run, 'wasEnded', was_ended, 'endedBeforeClaim', not is_open(run.status) and run.epoch = 0,
    'runnable', runnable);
end
$$;

-- As before, and says so when a run was deleted while its worker ended it.
create or replace function insert_parts(message uuid, of_step integer, given json) returns void language plpgsql as $$
begin
  if message is null then
    raise exception 'the run was deleted' using errcode = 'SY001';
  end if;
  insert into parts (message_id, step, position, part, call_id, tool_name, ledger, effect)
    select message, of_step, g.position, g.part, g."callId", g."toolName", g.ledger, g.effect
    from rows from (json_to_recordset(given) as (part json, "callId" text, "toolName" text, ledger text, effect text))
      with ordinality as g (part, "callId", "toolName", ledger, effect, position);
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
