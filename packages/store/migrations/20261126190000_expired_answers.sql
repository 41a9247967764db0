-- Consent has an end of its own: whether an answer still counts does not hang on whether the sweep has run meanwhile.

-- As before, and an answer after `expires_at` is refused; one that was given in time may be repeated for ever.
create or replace function answer_approvals(asking actor, run_name text, answers jsonb) returns json language plpgsql as $$
declare
  run runs := find_run(asking, 'write', run_name);
  answer record;
  approval approvals;
  wait_event text;
  runnable jsonb := '[]';
begin
  perform lock_account(run.account_id);
  perform from threads t where t.id = run.thread_id for no key update;
  select * into run from runs r where r.id = run.id for no key update;
  if not found then
    raise exception 'The run does not exist.' using errcode = 'SY404';
  end if;
  for answer in select * from jsonb_to_recordset(answers) as given (id text, approved boolean, reason text) loop
    select * into approval from approvals a where a.id = as_uuid(answer.id) and a.run_id = run.id;
    if not found then
      raise exception 'The approval does not exist.' using errcode = 'SY404';
    end if;
    wait_event := approval.wait_event_id;
    continue when approval.status = case when answer.approved then 'approved' else 'denied' end;
    -- The sweep notices it later, and not at all while no worker is up.
    if approval.status = 'expired' or approval.status = 'requested' and approval.expires_at <= now() then
      raise exception 'The answer came too late: the time for it is over, and the run ends without it.' using errcode = 'SY409';
    end if;
    if approval.status <> 'requested' then
      raise exception 'The approval has already been answered otherwise.' using errcode = 'SY409';
    end if;
    if run.status <> 'awaiting-approval' then
      raise exception 'The run does not wait for this answer any more.' using errcode = 'SY409';
    end if;
    update approvals a set status = case when answer.approved then 'approved' else 'denied' end, reason = answer.reason,
        answered_at = now(), answered_by = asking.user_id
      where a.id = approval.id;
    -- Member by member: the order of a call's arguments is part of the model's prompt.
    update parts p set part = (
        select json_object_agg(member.key, case member.key
          when 'state' then '"approval-responded"'::json
          when 'approval' then (member.value::jsonb || jsonb_strip_nulls(
            jsonb_build_object('approved', answer.approved, 'reason', answer.reason)))::json
          else member.value end order by member.ordinality)
        from json_each(p.part) with ordinality as member (key, value, ordinality))
      where p.message_id = run.message_id and p.call_id = approval.call_id;
    insert into audit (account_id, user_id, api_key_id, action, target_id)
      values (run.account_id, asking.user_id, asking.api_key_id,
        case when answer.approved then 'approval.approve' else 'approval.deny' end, approval.id::text);
  end loop;
  if run.status = 'awaiting-approval' and not exists (
    select from approvals a where a.run_id = run.id and a.status = 'requested'
  ) then
    update runs r set status = 'queued', wakeup = r.wakeup + 1, touched_at = now() where r.id = run.id returning * into run;
    runnable := jsonb_build_array(runnable_run(run));
  end if;
  return json_build_object('run', run, 'waitEventId', wait_event, 'runnable', runnable);
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
