-- As before, and says so when the run was deleted while its locks were waited for.
create or replace function correct_run(asking actor, run_name text, request jsonb) returns json language plpgsql as $$
declare
  run runs := find_run(asking, 'write', run_name);
begin
  perform lock_account(run.account_id);
  perform from threads t where t.id = run.thread_id for no key update;
  select * into run from runs r where r.id = run.id for no key update;
  if not found then
    raise exception 'The run does not exist.' using errcode = 'SY404';
  end if;
  if is_open(run.status) and run.epoch = 0 then
    -- No worker has read the question yet: the correction is a part of it.
    insert into parts (message_id, step, position, part)
      select run.user_message_id, 0, max(p.position) + 1, json_build_object('type', 'text', 'text', request -> 'text')
      from parts p where p.message_id = run.user_message_id;
    return json_build_object('run', run, 'started', null);
  end if;
  if is_open(run.status) and run.cancel_requested_at is null then
    insert into corrections (id, run_id, text, late_run_id, late_message_id, created_by)
      values ((request ->> 'correctionId')::uuid, run.id, request ->> 'text', (request ->> 'runId')::uuid,
        (request ->> 'messageId')::uuid, asking.user_id);
    return json_build_object('run', run, 'started', null);
  end if;
  return json_build_object('run', run, 'started', start_run(asking,
    jsonb_build_object('runId', request -> 'runId', 'messageId', request -> 'messageId',
      'userMessageId', request -> 'correctionId', 'newThreadId', request -> 'correctionId', 'threadId', run.thread_id,
      'model', run.model, 'limits', run.limits, 'instructions', run.instructions, 'requestHash', '',
      'onBusy', 'queue', 'fileIds', '[]'::jsonb, 'linkedFileIds', '[]'::jsonb),
    json_build_array(json_build_object('type', 'text', 'text', request -> 'text'))));
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
