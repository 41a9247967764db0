-- A thread that is busy may take another run all the same (`queue`, `interrupt`), and a chat names its messages itself:
-- a message sent again finds its run, a changed one supersedes what follows, an answer may be given anew.

-- Hash of the parts as the client sent them: what is stored differs, since data urls become files.
alter table messages add column client_hash text;
-- An edited message keeps its id; the one that it replaced keeps it too, out of sight.
alter table messages drop constraint messages_thread_id_public_id_key;
create unique index messages_public_id on messages (thread_id, public_id) where superseded_at is null;

create function is_open(status text) returns boolean language sql immutable as $$
  select status not in ('completed', 'failed', 'cancelled')
$$;

create function runnable_run(run runs) returns jsonb language plpgsql stable as $$
begin
  return jsonb_build_object('runId', run.id, 'wakeup', run.wakeup, 'priority', run.priority);
end
$$;

-- After a run of the account ended: the oldest waiting run whose thread is free goes on, this thread's own first, and in
-- the order of its messages. The caller holds the account's lock.
create or replace function promote(account uuid, thread uuid) returns json language plpgsql as $$
declare
  promoted runs;
begin
  update runs p set status = 'queued', wakeup = p.wakeup + 1, touched_at = now()
    where p.id = (
      select w.id from runs w join messages m on m.id = w.message_id
      where w.account_id = account and w.status = 'pending' and not exists (
        select from runs a where a.thread_id = w.thread_id and a.status in ('queued', 'running', 'awaiting-approval'))
      order by w.thread_id <> thread, case when w.thread_id = thread then m.position end, w.id limit 1)
    returning * into promoted;
  if not found then
    return '[]';
  end if;
  return json_build_array(runnable_run(promoted));
end
$$;

-- Stops one run; the caller holds the locks of its account and its thread. A run that no worker ever claimed ends here,
-- one that waits for a person becomes runnable so that a worker ends it, any other is asked to. An ended run stays as
-- it is. `runnable`: runs that the caller's caller adds to the queue.
create function cancel_run(target uuid) returns json language plpgsql as $$
declare
  run runs;
  was_ended boolean;
  runnable jsonb := '[]';
begin
  select * into run from runs r where r.id = target for no key update;
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

create or replace function request_cancel(asking actor, run_name text) returns json language plpgsql as $$
declare
  run runs := find_run(asking, 'write', run_name);
  cancelled json;
  promoted jsonb;
begin
  perform lock_account(run.account_id);
  perform from threads t where t.id = run.thread_id for no key update;
  cancelled := cancel_run(run.id);
  promoted := (cancelled -> 'runnable')::jsonb;
  if (cancelled ->> 'endedBeforeClaim')::boolean and not (cancelled ->> 'wasEnded')::boolean then
    promoted := promoted || promote(run.account_id, run.thread_id)::jsonb;
  end if;
  return json_build_object('run', cancelled -> 'run', 'wasEnded', cancelled -> 'wasEnded',
    'endedBeforeClaim', cancelled -> 'endedBeforeClaim', 'promoted', promoted);
end
$$;

-- Hides the thread's messages from a position on and stops their runs. Answers what `cancel_run` answered, in an array.
create function supersede(thread uuid, from_position integer) returns json language plpgsql as $$
declare
  cancelled json;
begin
  -- The oldest first; the subquery is read to its end before anything is changed.
  select coalesce(json_agg(cancel_run(open.id) order by open.position), '[]') into cancelled
    from (
      select r.id, m.position from runs r join messages m on m.id = r.message_id
      where r.thread_id = thread and is_open(r.status) and m.superseded_at is null and m.position >= from_position
      order by m.position offset 0) open;
  update messages m set superseded_at = now()
    where m.thread_id = thread and m.superseded_at is null and m.position >= from_position;
  return cancelled;
end
$$;

create function visible_message(thread uuid, name text) returns messages language plpgsql stable as $$
declare
  message messages;
begin
  select * into message from messages m
    where m.thread_id = thread and m.public_id = name and m.superseded_at is null;
  return message;
end
$$;

-- The run that answers a user's message now.
create function answering_run(message messages) returns runs language plpgsql stable as $$
declare
  run runs;
begin
  select r.* into run from runs r join messages a on a.id = r.message_id
    where r.thread_id = message.thread_id and r.user_message_id = message.id and a.superseded_at is null
    order by a.position desc limit 1;
  return run;
end
$$;

-- The user's message that an assistant's message, shown or superseded, answers.
create function answered_message(thread uuid, assistant_message text) returns messages language plpgsql stable as $$
declare
  message messages;
begin
  select m.* into message from runs r join messages m on m.id = r.user_message_id
    where r.message_id = as_uuid(assistant_message) and r.thread_id = thread and m.superseded_at is null;
  return message;
end
$$;

-- The request's thread, locked; made when there is none named, with room for its first two messages. `next_position` is
-- that of the request's first message. With `createsThread` an unknown name becomes the new thread's externalId.
create function thread_for_run(asking actor, request jsonb) returns threads language plpgsql as $$
declare
  thread threads;
  project projects;
  name text := request ->> 'threadId';
begin
  if name is not null and ((request ->> 'createsThread')::boolean is not true or exists (
    select from threads t where t.account_id = asking.account_id and (t.id = as_uuid(name) or t.external_id = name)
  )) then
    thread := find_thread(asking, 'write', name);
    select * into thread from threads t where t.id = thread.id for no key update;
    if not found then
      raise exception 'The thread does not exist.' using errcode = 'SY404';
    end if;
    if request ->> 'projectId' is not null and thread.project_id is distinct from as_uuid(request ->> 'projectId') then
      raise exception 'The thread belongs to another project.' using errcode = 'SY400';
    end if;
    return thread;
  end if;
  if request ->> 'projectId' is not null then
    project := find_project(asking, 'write', request ->> 'projectId');
  else
    insert into projects (id, account_id, name, created_by)
      values ((request ->> 'newProjectId')::uuid, asking.account_id, 'Untitled', asking.user_id)
      returning * into project;
  end if;
  insert into threads (id, account_id, project_id, external_id, created_by, next_position, last_message_at)
    values ((request ->> 'newThreadId')::uuid, asking.account_id, project.id, name, asking.user_id, 3, now())
    returning * into thread;
  thread.next_position := 1;
  return thread;
end
$$;

-- The shown message that a chat's request is about: the one that it sends again, edits or wants answered anew. Null when
-- it sends a new one.
create function message_for_run(thread uuid, request jsonb) returns messages language plpgsql stable as $$
declare
  message messages;
begin
  if request ->> 'trigger' = 'submit' then
    -- An edit may name the message that it replaces and bring an id of its own.
    message := visible_message(thread, request ->> 'replacedMessageId');
    if message.id is null or message.role <> 'user' then
      message := visible_message(thread, request ->> 'publicMessageId');
    end if;
    if message.role <> 'user' then
      raise exception 'The thread has a message with this id.' using errcode = 'SY409';
    end if;
  elsif request ->> 'trigger' = 'regenerate' then
    message := visible_message(thread, request ->> 'publicMessageId');
    if message.id is null or message.role <> 'user' then
      message := answered_message(thread, request ->> 'answerId');
    end if;
  end if;
  return message;
end
$$;

-- The run that a chat's request only joins: that of a message which is sent again unchanged, or that which has already
-- replaced the answer that is to be replaced. Null when the request is for something new.
create function joined_run(message messages, request jsonb, message_parts json) returns runs language plpgsql stable as $$
declare
  replaced messages;
begin
  if request ->> 'trigger' = 'submit' then
    if message.public_id is distinct from request ->> 'publicMessageId' or (
      message.client_hash is distinct from request ->> 'clientHash'
      -- A client that read the message from the store sends it as it is stored.
      and (select jsonb_agg(p.part order by p.step, p.position) from parts p where p.message_id = message.id)
        is distinct from message_parts::jsonb
    ) then
      return null;
    end if;
    return answering_run(message);
  end if;
  select m.* into replaced from messages m
    where m.id = as_uuid(request ->> 'answerId') and m.thread_id = message.thread_id and m.superseded_at is not null;
  if replaced.id is null or (answered_message(message.thread_id, replaced.public_id)).id is distinct from message.id then
    return null;
  end if;
  return answering_run(message);
end
$$;

-- `request`: runId, messageId, model, limits, requestHash, and optionally instructions, idempotencyKey. The assistant's
-- message must be there.
create function insert_run(asking actor, thread threads, user_message uuid, request jsonb, new_status text) returns runs
language plpgsql as $$
declare
  run runs;
begin
  insert into runs (id, account_id, project_id, thread_id, message_id, user_message_id, status, model, limits,
      instructions, created_by, idempotency_key, request_hash, priority)
    values ((request ->> 'runId')::uuid, thread.account_id, thread.project_id, thread.id, (request ->> 'messageId')::uuid,
      user_message, new_status, request ->> 'model', request -> 'limits', request ->> 'instructions', asking.user_id,
      request ->> 'idempotencyKey', request ->> 'requestHash',
      -- The longer the account's own queue, the later its next run: others overtake. Counting ends at a number that
      -- puts nobody first.
      1 + (select count(*) from (
        select from runs r where r.account_id = thread.account_id and r.status in ('pending', 'queued') limit 1000) waiting))
    returning * into run;
  return run;
end
$$;

-- A user's message with its parts and files. `request`: userMessageId, fileIds, linkedFileIds, and optionally
-- publicMessageId, clientHash.
create function insert_user_message(asking actor, thread threads, of_position integer, request jsonb, message_parts json)
returns void language plpgsql as $$
declare
  user_message uuid := (request ->> 'userMessageId')::uuid;
  file files;
  file_id text;
  last_part integer;
begin
  insert into messages (id, thread_id, position, role, public_id, client_hash)
    values (user_message, thread.id, of_position, 'user',
      coalesce(request ->> 'publicMessageId', request ->> 'userMessageId'), request ->> 'clientHash')
    on conflict (thread_id, public_id) where superseded_at is null do nothing;
  if not found then
    raise exception 'The thread has a message with this id.' using errcode = 'SY409';
  end if;
  insert into parts (message_id, step, position, part)
    select user_message, 0, given.position, given.part
    from json_array_elements(message_parts) with ordinality as given (part, position);
  get diagnostics last_part = row_count;
  for file_id in select jsonb_array_elements_text(request -> 'fileIds') loop
    file := attach_file(asking, file_id, thread.project_id);
    last_part := last_part + 1;
    insert into parts (message_id, step, position, part)
      values (user_message, 0, last_part, json_build_object('type', 'data-file', 'data', json_build_object(
        'fileId', file.id, 'name', file.name, 'mediaType', file.media_type, 'size', file.size, 'path', file.path)));
  end loop;
  for file_id in select jsonb_array_elements_text(request -> 'linkedFileIds') loop
    perform attach_file(asking, file_id, thread.project_id);
  end loop;
end
$$;

create function started_run(run runs, is_replay boolean, cancelled json, promoted json) returns json language plpgsql stable as $$
begin
  return json_build_object('run', run, 'isReplay', is_replay, 'cancelled', cancelled, 'promoted', promoted,
    'thread', (select thread_row(t) from threads t where t.id = run.thread_id),
    'project', (select p from projects p where p.id = run.project_id));
end
$$;

-- `request`: runId, messageId, userMessageId, newThreadId, newProjectId, model, limits, requestHash, onBusy, fileIds
-- (shown as data-file parts), linkedFileIds (those that file parts name by url), and optionally threadId, projectId,
-- publicMessageId, instructions, idempotencyKey. Of a chat also trigger (`submit`, `regenerate`), createsThread,
-- clientHash, replacedMessageId (an edit's), answerId (the answer that is to be replaced). `message_parts`: the user's
-- parts; null when a chat only names a message that the thread has.
create or replace function start_run(asking actor, request jsonb, message_parts json) returns json language plpgsql as $$
declare
  user_message uuid := (request ->> 'userMessageId')::uuid;
  thread threads;
  known messages;
  is_known_message boolean := false;
  run runs;
  busy runs;
  cancelled jsonb := '[]';
  promoted json := '[]';
begin
  perform lock_account(asking.account_id);
  perform demand(asking, 'write', null, 'The account does not exist.');

  -- The lock on the account makes the second of two equal requests find the first one's run.
  if request ->> 'idempotencyKey' is not null then
    select * into run from runs r
    where r.account_id = asking.account_id and r.idempotency_key = request ->> 'idempotencyKey';
    if found then
      if run.request_hash <> request ->> 'requestHash' then
        raise exception 'The idempotency key was used with another request.' using errcode = 'SY422';
      end if;
      perform demand(asking, 'write', run.project_id, 'The run does not exist.');
      return started_run(run, true, '[]', '[]');
    end if;
  end if;

  thread := thread_for_run(asking, request);
  known := message_for_run(thread.id, request);
  if known.id is not null then
    run := joined_run(known, request, message_parts);
    if run.id is not null then
      return started_run(run, true, '[]', '[]');
    end if;
    if request ->> 'trigger' = 'submit' then
      cancelled := supersede(thread.id, known.position);
    else
      cancelled := supersede(thread.id, known.position + 1);
      user_message := known.id;
      is_known_message := true;
    end if;
  end if;
  if not is_known_message and message_parts is null then
    raise exception 'The message does not exist.' using errcode = 'SY404';
  end if;

  -- A superseded run that still ends is waited for, whatever the request says.
  busy := active_run(thread.id);
  if busy.id is not null and (select m.superseded_at is null from messages m where m.id = busy.message_id) then
    case request ->> 'onBusy'
      when 'queue' then null;
      when 'interrupt' then
        -- One that only waits its turn keeps it.
        if busy.status <> 'pending' then
          cancelled := cancelled || jsonb_build_array(cancel_run(busy.id));
        end if;
      else raise exception 'The thread has an active run.' using errcode = 'SY410', detail = busy.id::text;
    end case;
    busy := active_run(thread.id);
  end if;

  if not is_known_message then
    perform insert_user_message(asking, thread, thread.next_position, request, message_parts);
    thread.next_position := thread.next_position + 1;
  end if;
  insert into messages (id, thread_id, position, role, public_id)
    values ((request ->> 'messageId')::uuid, thread.id, thread.next_position, 'assistant', request ->> 'messageId')
    on conflict (thread_id, public_id) where superseded_at is null do nothing;
  if not found then
    raise exception 'The thread has a message with this id.' using errcode = 'SY409';
  end if;
  if thread.id <> (request ->> 'newThreadId')::uuid then
    update threads t set next_position = thread.next_position + 1, last_message_at = now(), active_at = now()
      where t.id = thread.id;
  end if;

  run := insert_run(asking, thread, user_message, request, case when busy.id is null then 'queued' else 'pending' end);
  -- A run that ended just now may have left the thread to one that had waited longer.
  if busy.status = 'pending' then
    promoted := promote(thread.account_id, thread.id);
  end if;
  return started_run(run, false, cancelled::json, promoted);
end
$$;

-- Everything that the loop starts from, as one statement and so as one consistent read. Runs that wait already have their
-- messages behind this one's, so the history is what stands before it.
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
    'files', (
      select coalesce(json_agg(f order by f.id), '[]') from files f
      where f.project_id = r.project_id and f.path is not null))
  from runs r join threads t on t.id = r.thread_id join projects p on p.id = r.project_id
    join messages own on own.id = r.message_id
  where r.id = target and r.epoch = held_epoch and r.status = 'running');
end
$$;

-- Whether the thread shows this very message; an upload that would be in vain is spared by it.
create function has_message(asking actor, thread_name text, message_name text, hash text) returns boolean language plpgsql stable as $$
begin
  perform demand(asking, 'read', null, 'The account does not exist.');
  return exists (
    select from threads t join messages m on m.thread_id = t.id
    where t.account_id = asking.account_id and (t.id = as_uuid(thread_name) or t.external_id = thread_name)
      and m.public_id = message_name and m.role = 'user' and m.superseded_at is null
      and (hash is null or m.client_hash = hash));
end
$$;

-- The run whose stream a chat shows: the one at work, else the first that waits, else the last one if it ended a moment
-- ago. Null when there is none, or no such thread.
create function read_chat_run(asking actor, thread_name text, grace_ms double precision) returns json language plpgsql stable as $$
declare
  thread uuid;
begin
  perform demand(asking, 'read', null, 'The account does not exist.');
  select t.id into thread from threads t where t.account_id = asking.account_id
    and (t.id = as_uuid(thread_name) or t.external_id = thread_name) order by t.id = as_uuid(thread_name) desc limit 1;
  return (
    select to_json(r) from runs r join messages m on m.id = r.message_id
    where r.thread_id = thread and m.superseded_at is null
      and (is_open(r.status) or r.ended_at > now() - grace_ms * interval '1 millisecond')
    order by not is_open(r.status), r.status = 'pending', case when is_open(r.status) then m.position else -m.position end
    limit 1);
end
$$;

-- The run that writes an assistant's message which the thread shows; raises when there is none.
create function read_answering_run(asking actor, thread_name text, message_name text) returns json language plpgsql stable as $$
declare
  thread threads := find_thread(asking, 'write', thread_name);
  run runs;
begin
  select r.* into run from runs r join messages m on m.id = r.message_id
    where m.id = as_uuid(message_name) and r.thread_id = thread.id and m.superseded_at is null;
  if not found then
    raise exception 'The message does not exist.' using errcode = 'SY404';
  end if;
  return to_json(run);
end
$$;

-- Stops what the thread is at: the run at work, or the first that waits when a superseded one is still ending. Answers as
-- `request_cancel` does, about the last run when none is open; null when the thread has no run.
create function stop_thread(asking actor, thread_name text) returns json language plpgsql as $$
declare
  thread threads := find_thread(asking, 'write', thread_name);
  run runs;
begin
  perform lock_account(thread.account_id);
  perform from threads t where t.id = thread.id for no key update;
  select r.* into run from runs r join messages m on m.id = r.message_id
    where r.thread_id = thread.id and m.superseded_at is null
    order by not is_open(r.status), r.status = 'pending', case when is_open(r.status) then m.position else -m.position end
    limit 1;
  if not found then
    return null;
  end if;
  return request_cancel(asking, run.id::text);
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
