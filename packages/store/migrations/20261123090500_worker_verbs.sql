-- What workers change. Every one names the run's epoch and changes nothing when that is no longer the run's, or when
-- the run is not running: SY001.

create function refuse_lost_run(run_id uuid, run_epoch integer) returns void language plpgsql as $$
begin
  raise exception 'run % is not running under epoch %', run_id, run_epoch using errcode = 'SY001';
end
$$;

-- Settles the model call that nobody will report on, and adds it to the run. Its input is what the run's last call read
-- and wrote, or the thread's text; its output is what arrived of it. Four characters are taken for a token (guess), the
-- price for that of the run's settled calls.
create function settle_by_estimate(run runs, output_characters bigint) returns void language plpgsql as $$
declare
  input_estimate bigint;
  output_estimate bigint := ceil(output_characters / 4.0);
  cost_estimate numeric;
begin
  if not exists (select from usage u where u.run_id = run.id and u.settled_at is null) then
    return;
  end if;
  select u.input_tokens + u.output_tokens into input_estimate from usage u
    where u.run_id = run.id and u.settled_at is not null order by u.step desc, u.epoch desc limit 1;
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

-- Null when there is nothing to run under this wakeup. A run that is still `running` had a worker that went away.
create function claim_run(target uuid, expected_wakeup integer, worker text) returns json language plpgsql as $$
declare
  run runs;
begin
  select * into run from runs r where r.id = target for no key update;
  if not found or run.wakeup <> expected_wakeup or run.status not in ('queued', 'running') then
    return null;
  end if;
  if run.epoch > 0 then
    perform settle_by_estimate(run, 0);
  end if;
  update runs r set status = 'running', epoch = r.epoch + 1, crashes = r.crashes + (r.status = 'running')::integer,
      worker_id = worker, started_at = coalesce(r.started_at, now()), touched_at = now()
    where r.id = target returning * into run;
  insert into usage (run_id, step, epoch, account_id, model)
    values (run.id, run.steps + 1, run.epoch, run.account_id, run.model);
  return json_build_object('epoch', run.epoch, 'crashes', run.crashes,
    'cancelRequested', run.cancel_requested_at is not null);
end
$$;

-- A new epoch for the same worker; its open model call stays the same one.
create function reclaim_run(target uuid, held_epoch integer) returns integer language plpgsql as $$
begin
  update runs r set epoch = r.epoch + 1, touched_at = now()
    where r.id = target and r.epoch = held_epoch and r.status = 'running';
  if not found then
    perform refuse_lost_run(target, held_epoch);
  end if;
  update usage u set epoch = held_epoch + 1 where u.run_id = target and u.settled_at is null;
  return held_epoch + 1;
end
$$;

-- Everything that the loop starts from, as one statement and so as one consistent read.
create function load_run(target uuid, held_epoch integer) returns json language plpgsql stable as $$
begin
  return (select json_build_object(
    'run', r,
    'thread', thread_row(t),
    'project', json_build_object('id', p.id, 'sandboxId', p.sandbox_id),
    'history', (
      select coalesce(json_agg(message_row(m) order by m.position), '[]') from messages m
      where m.thread_id = r.thread_id and m.superseded_at is null and m.id <> r.message_id),
    'parts', (
      select coalesce(json_agg(json_build_object('step', s.step, 'part', s.part, 'callId', s.call_id,
        'toolName', s.tool_name, 'ledger', s.ledger, 'effect', s.effect, 'incarnation', s.incarnation)
        order by s.step, s.position), '[]')
      from parts s where s.message_id = r.message_id),
    'files', (
      select coalesce(json_agg(f order by f.id), '[]') from files f
      where f.project_id = r.project_id and f.path is not null))
  from runs r join threads t on t.id = r.thread_id join projects p on p.id = r.project_id
  where r.id = target and r.epoch = held_epoch and r.status = 'running');
end
$$;

-- `given`: {part, callId, toolName, ledger, effect}[] in stream order.
create function insert_parts(message uuid, of_step integer, given json) returns void language plpgsql as $$
begin
  insert into parts (message_id, step, position, part, call_id, tool_name, ledger, effect)
    select message, of_step, g.position, g.part, g."callId", g."toolName", g.ledger, g.effect
    from rows from (json_to_recordset(given) as (part json, "callId" text, "toolName" text, ledger text, effect text))
      with ordinality as g (part, "callId", "toolName", ledger, effect, position);
end
$$;

-- `counted`: the usage of the API.
create function settle_usage(run runs, of_step integer, counted jsonb, cost numeric) returns void language plpgsql as $$
begin
  insert into usage (run_id, step, epoch, account_id, model, input_tokens, cached_input_tokens, output_tokens,
      total_tokens, is_estimated, cost_usd, settled_at)
    values (run.id, of_step, run.epoch, run.account_id, run.model, (counted ->> 'inputTokens')::bigint,
      (counted ->> 'cachedInputTokens')::bigint, (counted ->> 'outputTokens')::bigint,
      (counted ->> 'totalTokens')::bigint, (counted ->> 'estimated')::boolean, cost, now())
    on conflict (run_id, step, epoch) do update set input_tokens = excluded.input_tokens,
      cached_input_tokens = excluded.cached_input_tokens, output_tokens = excluded.output_tokens,
      total_tokens = excluded.total_tokens, is_estimated = excluded.is_estimated, cost_usd = excluded.cost_usd,
      settled_at = now()
    where usage.settled_at is null;
end
$$;

create function store_parts(target uuid, held_epoch integer, of_step integer, given json, counted jsonb, cost numeric,
  log_ordinal bigint, is_final boolean) returns boolean language plpgsql as $$
declare
  run runs;
begin
  update runs r set steps = of_step, crashes = 0, last_ordinal = greatest(r.last_ordinal, log_ordinal),
      input_tokens = r.input_tokens + (counted ->> 'inputTokens')::bigint,
      cached_input_tokens = r.cached_input_tokens + (counted ->> 'cachedInputTokens')::bigint,
      output_tokens = r.output_tokens + (counted ->> 'outputTokens')::bigint,
      total_tokens = r.total_tokens + (counted ->> 'totalTokens')::bigint,
      is_usage_estimated = r.is_usage_estimated or (counted ->> 'estimated')::boolean,
      cost_usd = r.cost_usd + cost, touched_at = now()
    where r.id = target and r.epoch = held_epoch and r.status = 'running' and r.steps = of_step - 1
    returning * into run;
  if not found then
    select * into run from runs r where r.id = target and r.epoch = held_epoch and r.status = 'running';
    if not found then
      perform refuse_lost_run(target, held_epoch);
    end if;
    raise exception 'step % does not follow stored step %', of_step, run.steps using errcode = 'SY409';
  end if;
  perform insert_parts(run.message_id, of_step, given);
  perform settle_usage(run, of_step, counted, cost);
  if not is_final then
    insert into usage (run_id, step, epoch, account_id, model)
      values (run.id, of_step + 1, run.epoch, run.account_id, run.model);
  end if;
  return run.cancel_requested_at is not null;
end
$$;

-- A call that is done stays done: the same write repeated changes nothing.
create function set_tool_state(target uuid, held_epoch integer, of_call text, new_ledger text, new_incarnation text,
  finished_part json, appended json, log_ordinal bigint) returns boolean language plpgsql as $$
declare
  run runs;
  stored parts;
begin
  update runs r set last_ordinal = greatest(r.last_ordinal, log_ordinal), touched_at = now()
    where r.id = target and r.epoch = held_epoch and r.status = 'running' returning * into run;
  if not found then
    perform refuse_lost_run(target, held_epoch);
  end if;
  select * into stored from parts p where p.message_id = run.message_id and p.call_id = of_call;
  if not found then
    raise exception 'the run has no call %', of_call using errcode = 'SY404';
  end if;
  if stored.ledger = 'done' then
    if new_ledger <> 'done' then
      raise exception 'call % is done', of_call using errcode = 'SY409';
    end if;
    return run.cancel_requested_at is not null;
  end if;
  update parts p set ledger = new_ledger, incarnation = coalesce(new_incarnation, p.incarnation),
      part = coalesce(finished_part, p.part)
    where p.message_id = stored.message_id and p.step = stored.step and p.position = stored.position;
  if appended is not null then
    insert into parts (message_id, step, position, part)
      select stored.message_id, stored.step, last.position + a.position, a.part
      from json_array_elements(appended) with ordinality as a (part, position),
        (select max(p.position) as position from parts p
          where p.message_id = stored.message_id and p.step = stored.step) last;
  end if;
  return run.cancel_requested_at is not null;
end
$$;

-- Hand-over. A model call that was cut is paid for by estimate; one that never began costs nothing.
create function release_run(target uuid, held_epoch integer, log_ordinal bigint, is_step_cut boolean) returns void
language plpgsql as $$
declare
  run runs;
begin
  update runs r set status = 'queued', worker_id = null, last_ordinal = greatest(r.last_ordinal, log_ordinal),
      touched_at = now()
    where r.id = target and r.epoch = held_epoch and r.status = 'running' returning * into run;
  if not found then
    perform refuse_lost_run(target, held_epoch);
  end if;
  if is_step_cut then
    perform settle_by_estimate(run, 0);
  else
    delete from usage u where u.run_id = target and u.settled_at is null;
  end if;
end
$$;

-- `last_step`: {step, parts, characters, usage?, costUsd?}; `closed_calls`: {callId, part}[]; `receipt`:
-- {modelAbortedAt?, toolKilledAt?}. A requested cancel wins over any reason. The same epoch's repeated call finds the
-- run as it ended it.
create function finish_run(target uuid, held_epoch integer, wanted_reason text, failure jsonb, last_step json,
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
  end if;

  is_cancelled := run.cancel_requested_at is not null;
  update runs r set
      reason = case when is_cancelled then 'cancelled' else wanted_reason end,
      status = (select o.status from run_reasons o
        where o.reason = case when is_cancelled then 'cancelled' else wanted_reason end),
      error = case when not is_cancelled then failure end,
      steps = coalesce(of_step, r.steps),
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
  return json_build_object('run', run, 'promoted', promote(run.account_id, run.thread_id));
end
$$;

-- Compare and set; the id that stands. Null when the project is gone, or has no sandbox though one was expected.
create function save_sandbox_id(target uuid, new_id text, expected text) returns text language plpgsql as $$
begin
  update projects p set sandbox_id = new_id where p.id = target and p.sandbox_id is not distinct from expected;
  return (select p.sandbox_id from projects p where p.id = target);
end
$$;

-- Compare and set: a run whose job is gone becomes runnable under a new wakeup. Its worker, if any, is fenced by the
-- status at once; that it went away counts as a crash, as a claim would have counted it.
create function raise_wakeup(target uuid, held_wakeup integer) returns integer language sql as $$
  update runs r set wakeup = r.wakeup + 1, crashes = r.crashes + (r.status = 'running')::integer, status = 'queued',
      worker_id = null, touched_at = now()
    where r.id = target and r.wakeup = held_wakeup and r.status in ('queued', 'running')
    returning r.wakeup
$$;
