-- The files that a call hands over when it ends the run are stored with the end, so that no crash can come between them.

-- As before, and `closed_calls`: {callId, part, appended?}[]. `appended` parts follow the last part of the call's step.
create or replace function finish_run(target uuid, held_epoch integer, wanted_reason text, failure jsonb, last_step json,
  closed_calls json, log_ordinal bigint, receipt jsonb) returns json language plpgsql as $$
declare
  run runs;
  of_step integer := (last_step ->> 'step')::integer;
  counted jsonb := last_step -> 'usage';
  is_cancelled boolean;
begin
  select * into run from runs r where r.id = target;
  if not found then
    perform refuse_lost_run(target, held_epoch);
  end if;
  perform lock_account(run.account_id);
  perform from threads t where t.id = run.thread_id for no key update;
  select * into run from runs r where r.id = target for no key update;
  if not found then
    perform refuse_lost_run(target, held_epoch);
  end if;
  if run.epoch = held_epoch and run.status in ('completed', 'failed', 'cancelled') then
    return json_build_object('run', run, 'promoted', '[]'::json);
  end if;
  if run.epoch <> held_epoch or run.status <> 'running' then
    perform refuse_lost_run(target, held_epoch);
  end if;

  if last_step is not null then
    if of_step <> run.steps + 1 then
      raise exception 'step % does not follow stored step %', of_step, run.steps using errcode = 'SY409';
    end if;
    perform insert_parts(run.message_id, of_step, last_step -> 'parts');
    if counted is null then
      perform settle_by_estimate(run, (last_step ->> 'characters')::bigint);
    else
      perform settle_usage(run, of_step, counted, (last_step ->> 'costUsd')::numeric);
    end if;
  end if;
  -- A reservation whose call never began.
  delete from usage u where u.run_id = target and u.settled_at is null;
  if closed_calls is not null then
    update parts p set part = c.part, ledger = case p.ledger when 'executing' then 'unknown' else 'done' end
      from json_to_recordset(closed_calls) as c ("callId" text, part json)
      where p.message_id = run.message_id and p.call_id = c."callId";
    insert into parts (message_id, step, position, part)
      select run.message_id, last.step, last.position + row_number() over (order by c.place, a.place), a.part
      from json_array_elements(closed_calls) with ordinality as c (call, place)
        join parts p on p.message_id = run.message_id and p.call_id = c.call ->> 'callId',
        json_array_elements(c.call -> 'appended') with ordinality as a (part, place),
        lateral (select p.step, max(q.position) as position from parts q
          where q.message_id = run.message_id and q.step = p.step) last;
  end if;

  is_cancelled := run.cancel_requested_at is not null;
  update runs r set
      reason = case when is_cancelled then 'cancelled' else wanted_reason end,
      status = (select o.status from run_reasons o
        where o.reason = case when is_cancelled then 'cancelled' else wanted_reason end),
      error = case when not is_cancelled then failure end,
      steps = case when json_array_length(last_step -> 'parts') > 0 then of_step else r.steps end,
      input_tokens = r.input_tokens + coalesce((counted ->> 'inputTokens')::bigint, 0),
      cached_input_tokens = r.cached_input_tokens + coalesce((counted ->> 'cachedInputTokens')::bigint, 0),
      output_tokens = r.output_tokens + coalesce((counted ->> 'outputTokens')::bigint, 0),
      total_tokens = r.total_tokens + coalesce((counted ->> 'totalTokens')::bigint, 0),
      is_usage_estimated = r.is_usage_estimated or coalesce((counted ->> 'estimated')::boolean, false),
      cost_usd = case when counted is null then r.cost_usd else r.cost_usd + (last_step ->> 'costUsd')::numeric end,
      -- The two ending chunks follow.
      last_ordinal = log_ordinal + 2,
      last_event_id = held_epoch || '-' || log_ordinal + 2,
      model_aborted_at = case when is_cancelled then (receipt ->> 'modelAbortedAt')::timestamptz end,
      tool_killed_at = case when is_cancelled then (receipt ->> 'toolKilledAt')::timestamptz end,
      ended_at = now(), touched_at = now()
    where r.id = target returning * into run;
  perform keep_late_corrections(run);
  return json_build_object('run', run, 'promoted', promote(run.account_id, run.thread_id));
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
