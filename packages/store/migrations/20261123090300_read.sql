-- Rows as the verbs answer them: the table's own columns, with what is derived from other rows added. All functions are
-- plpgsql, which keeps its plans: before Postgres 18 a function in SQL is planned anew in every transaction.

-- The run that the thread is busy with, a waiting one last.
create function active_run(thread uuid) returns runs language plpgsql stable as $$
declare
  active runs;
begin
  select * into active from runs r
    where r.thread_id = thread and r.status in ('pending', 'queued', 'running', 'awaiting-approval')
    order by r.status = 'pending', r.id
    limit 1;
  return active;
end
$$;

-- A thread needs input while its run waits for an answer, and after one that ended with a question.
create function thread_row(thread threads) returns jsonb language plpgsql stable as $$
declare
  active runs := active_run(thread.id);
begin
  return to_jsonb(thread) || jsonb_build_object(
    'active_run', case when active.id is not null then jsonb_build_object('id', active.id, 'status', active.status) end,
    'needs_input', coalesce((
      select r.status = 'awaiting-approval' or r.reason = 'asked' from runs r
      where r.thread_id = thread.id and r.status <> 'pending' order by r.id desc limit 1), false));
end
$$;

-- An assistant's message comes with its run's row, from which its metadata follows.
create function message_row(message messages) returns json language plpgsql stable as $$
begin
  return json_build_object('id', message.public_id, 'role', message.role, 'position', message.position,
    'run', (select to_json(r) from runs r where r.message_id = message.id),
    'parts', (
      select coalesce(json_agg(p.part order by p.step, p.position), '[]') from parts p where p.message_id = message.id));
end
$$;

create function read_messages(asking actor, thread_name text, before integer, page_size integer) returns json
language plpgsql stable as $$
declare
  thread threads := find_thread(asking, 'read', thread_name);
begin
  return json_build_object(
    'messages', (
      select coalesce(json_agg(message_row(page) order by page.position), '[]') from (
        select * from messages m
        where m.thread_id = thread.id and m.superseded_at is null and (before is null or m.position < before)
        order by m.position desc limit page_size) page),
    'activeRun', (select to_json(a) from active_run(thread.id) a where a.id is not null));
end
$$;

create function list_threads(asking actor, before_at timestamptz, before_id uuid, page_size integer) returns json
language plpgsql stable as $$
begin
  perform demand(asking, 'read', null, 'The account does not exist.');
  return (
    select coalesce(json_agg(thread_row(page) order by page.active_at desc, page.id desc), '[]') from (
      select * from threads t
      where t.account_id = asking.account_id and (before_at is null or (t.active_at, t.id) < (before_at, before_id))
      order by t.active_at desc, t.id desc limit page_size) page);
end
$$;

create function list_projects(asking actor, before_id uuid, page_size integer) returns json
language plpgsql stable as $$
begin
  perform demand(asking, 'read', null, 'The account does not exist.');
  return (
    select coalesce(json_agg(to_json(page) order by page.id desc), '[]') from (
      select * from projects p
      where p.account_id = asking.account_id and (before_id is null or p.id < before_id)
      order by p.id desc limit page_size) page);
end
$$;

create function list_thread_runs(asking actor, thread_name text, page_size integer) returns json
language plpgsql stable as $$
declare
  thread threads := find_thread(asking, 'read', thread_name);
begin
  return (
    select coalesce(json_agg(to_json(page) order by page.id desc), '[]') from (
      select * from runs r where r.thread_id = thread.id order by r.id desc limit page_size) page);
end
$$;

create function find_project(asking actor, action text, given text) returns projects language plpgsql stable as $$
declare
  project projects;
begin
  perform demand(asking, action, as_uuid(given), 'The project does not exist.');
  select * into project from projects p where p.id = as_uuid(given) and p.account_id = asking.account_id;
  if not found then
    raise exception 'The project does not exist.' using errcode = 'SY404';
  end if;
  return project;
end
$$;

-- A file that no run has attached belongs to the account alone.
create function find_file(asking actor, action text, given text) returns files language plpgsql stable as $$
declare
  file files;
begin
  select * into file from files f where f.id = as_uuid(given) and f.account_id = asking.account_id;
  if not found then
    raise exception 'The file does not exist.' using errcode = 'SY404';
  end if;
  perform demand(asking, action, file.project_id, 'The file does not exist.');
  return file;
end
$$;
