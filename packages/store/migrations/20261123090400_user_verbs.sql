-- What users change. Each function is one transaction's work and locks account, then thread, then run.

create function lock_account(account uuid) returns void language plpgsql as $$
begin
  perform from accounts a where a.id = account for no key update;
end
$$;

create function create_project(asking actor, project_id uuid, project_name text) returns json language plpgsql as $$
declare
  project projects;
begin
  perform demand(asking, 'write', null, 'The account does not exist.');
  insert into projects (id, account_id, name, created_by)
    values (project_id, asking.account_id, project_name, asking.user_id)
    returning * into project;
  return to_json(project);
end
$$;

-- `request`: threadId, newProjectId, and optionally projectId, externalId, title, metadata.
create function create_thread(asking actor, request jsonb) returns jsonb language plpgsql as $$
declare
  project projects;
  thread threads;
begin
  perform demand(asking, 'write', null, 'The account does not exist.');
  perform lock_account(asking.account_id);
  if request ->> 'projectId' is not null then
    project := find_project(asking, 'write', request ->> 'projectId');
  else
    insert into projects (id, account_id, name, created_by)
      values ((request ->> 'newProjectId')::uuid, asking.account_id, coalesce(request ->> 'title', 'Untitled'), asking.user_id)
      returning * into project;
  end if;
  insert into threads (id, account_id, project_id, external_id, title, metadata, created_by)
    values ((request ->> 'threadId')::uuid, asking.account_id, project.id, request ->> 'externalId',
      request ->> 'title', coalesce(request -> 'metadata', '{}'), asking.user_id)
    on conflict (account_id, external_id) where external_id is not null do nothing
    returning * into thread;
  if not found then
    raise exception 'A thread with this externalId exists.' using errcode = 'SY409';
  end if;
  return thread_row(thread);
end
$$;

create function create_file(asking actor, request jsonb) returns json language plpgsql as $$
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
  return to_json(file);
end
$$;

-- Gives the file its place in the project's workspace; an attached file keeps the one it has. The caller holds the
-- account's lock, so that no two files are given one place.
create function attach_file(asking actor, file_name text, project uuid) returns files language plpgsql as $$
declare
  file files := find_file(asking, 'write', file_name);
  stem text := regexp_replace(file.safe_name, '(?<=.)\.[^.]*$', '');
  extension text := substr(file.safe_name, length(stem) + 1);
  candidate text := 'uploads/' || file.safe_name;
  copies integer := 1;
begin
  if file.project_id <> project then
    raise exception 'The file belongs to another project.' using errcode = 'SY400';
  end if;
  if file.path is not null then
    return file;
  end if;
  while exists (select from files f where f.project_id = project and f.path = candidate) loop
    copies := copies + 1;
    candidate := 'uploads/' || stem || '-' || copies || extension;
  end loop;
  update files f set project_id = project, path = candidate where f.id = file.id returning * into file;
  return file;
end
$$;

-- `request`: runId, messageId, userMessageId, newThreadId, newProjectId, model, limits, requestHash, fileIds
-- (shown as data-file parts), linkedFileIds (those that file parts name by url), and optionally threadId, projectId,
-- publicMessageId, instructions, idempotencyKey. `message_parts`: the user's parts.
create function start_run(asking actor, request jsonb, message_parts json) returns json language plpgsql as $$
declare
  user_message uuid := (request ->> 'userMessageId')::uuid;
  project projects;
  thread threads;
  run runs;
  file files;
  file_id text;
  inserted integer;
  last_part integer;
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
      return json_build_object('run', run, 'isReplay', true,
        'thread', (select thread_row(t) from threads t where t.id = run.thread_id),
        'project', (select p from projects p where p.id = run.project_id));
    end if;
  end if;

  if request ->> 'threadId' is not null then
    thread := find_thread(asking, 'write', request ->> 'threadId');
    select * into thread from threads t where t.id = thread.id for no key update;
    if not found then
      raise exception 'The thread does not exist.' using errcode = 'SY404';
    end if;
    if request ->> 'projectId' is not null and thread.project_id is distinct from as_uuid(request ->> 'projectId') then
      raise exception 'The thread belongs to another project.' using errcode = 'SY400';
    end if;
    select * into project from projects p where p.id = thread.project_id;
    select * into run from active_run(thread.id);
    if run.id is not null then
      raise exception 'The thread has an active run.' using errcode = 'SY410', detail = run.id::text;
    end if;
    update threads t set next_position = t.next_position + 2, last_message_at = now(), active_at = now()
      where t.id = thread.id returning * into thread;
  else
    if request ->> 'projectId' is not null then
      project := find_project(asking, 'write', request ->> 'projectId');
    else
      insert into projects (id, account_id, name, created_by)
        values ((request ->> 'newProjectId')::uuid, asking.account_id, 'Untitled', asking.user_id)
        returning * into project;
    end if;
    insert into threads (id, account_id, project_id, created_by, next_position, last_message_at)
      values ((request ->> 'newThreadId')::uuid, asking.account_id, project.id, asking.user_id, 3, now())
      returning * into thread;
  end if;

  insert into messages (id, thread_id, position, role, public_id) values
    (user_message, thread.id, thread.next_position - 2, 'user',
      coalesce(request ->> 'publicMessageId', request ->> 'userMessageId')),
    ((request ->> 'messageId')::uuid, thread.id, thread.next_position - 1, 'assistant', request ->> 'messageId')
    on conflict (thread_id, public_id) do nothing;
  get diagnostics inserted = row_count;
  if inserted < 2 then
    raise exception 'The thread has a message with this id.' using errcode = 'SY409';
  end if;

  insert into parts (message_id, step, position, part)
    select user_message, 0, given.position, given.part
    from json_array_elements(message_parts) with ordinality as given (part, position);
  get diagnostics last_part = row_count;
  for file_id in select jsonb_array_elements_text(request -> 'fileIds') loop
    file := attach_file(asking, file_id, project.id);
    last_part := last_part + 1;
    insert into parts (message_id, step, position, part)
      values (user_message, 0, last_part, json_build_object('type', 'data-file', 'data', json_build_object(
        'fileId', file.id, 'name', file.name, 'mediaType', file.media_type, 'size', file.size, 'path', file.path)));
  end loop;
  for file_id in select jsonb_array_elements_text(request -> 'linkedFileIds') loop
    perform attach_file(asking, file_id, project.id);
  end loop;

  insert into runs (id, account_id, project_id, thread_id, message_id, user_message_id, status, model, limits,
      instructions, created_by, idempotency_key, request_hash, priority)
    values ((request ->> 'runId')::uuid, asking.account_id, project.id, thread.id, (request ->> 'messageId')::uuid,
      user_message, 'queued', request ->> 'model', request -> 'limits', request ->> 'instructions', asking.user_id,
      request ->> 'idempotencyKey', request ->> 'requestHash',
      -- The longer the account's own queue, the later its next run: others overtake. Counting ends at a number that
      -- puts nobody first.
      1 + (select count(*) from (
        select from runs r where r.account_id = asking.account_id and r.status in ('pending', 'queued') limit 1000) waiting))
    returning * into run;
  return json_build_object('run', run, 'isReplay', false, 'thread', thread_row(thread), 'project', project);
end
$$;

-- After a run of the account ended: the oldest waiting run whose thread is free goes on, this thread's own first.
-- The caller holds the account's lock.
create function promote(account uuid, thread uuid) returns json language plpgsql as $$
declare
  promoted runs;
begin
  update runs p set status = 'queued', wakeup = p.wakeup + 1, touched_at = now()
    where p.id = (
      select w.id from runs w
      where w.account_id = account and w.status = 'pending' and not exists (
        select from runs a where a.thread_id = w.thread_id and a.status in ('queued', 'running', 'awaiting-approval'))
      order by w.thread_id <> thread, w.id limit 1)
    returning * into promoted;
  if not found then
    return '[]';
  end if;
  return json_build_array(json_build_object('runId', promoted.id, 'wakeup', promoted.wakeup, 'priority', promoted.priority));
end
$$;

-- A run that no worker ever claimed ends here; any other is asked to, and its worker ends it.
create function request_cancel(asking actor, run_name text) returns json language plpgsql as $$
declare
  run runs := find_run(asking, 'write', run_name);
  promoted json := '[]';
begin
  perform lock_account(run.account_id);
  perform from threads t where t.id = run.thread_id for no key update;
  select * into run from runs r where r.id = run.id for no key update;
  if run.status in ('completed', 'failed', 'cancelled') then
    return json_build_object('run', run, 'wasEnded', true, 'endedBeforeClaim', run.epoch = 0, 'promoted', promoted);
  end if;
  if run.epoch = 0 then
    update runs r set status = 'cancelled', reason = 'cancelled', ended_at = now(), cancel_requested_at = now(), touched_at = now()
      where r.id = run.id returning * into run;
    promoted := promote(run.account_id, run.thread_id);
  elsif run.cancel_requested_at is null then
    update runs r set cancel_requested_at = now() where r.id = run.id returning * into run;
  end if;
  return json_build_object('run', run, 'wasEnded', false, 'endedBeforeClaim', run.epoch = 0, 'promoted', promoted);
end
$$;
