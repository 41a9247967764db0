-- What every run of a project is told, by whoever may change the project.

alter table projects add column instructions text;

create function create_project(asking actor, project_id uuid, project_name text, given_instructions text) returns json
language plpgsql as $$
declare
  project projects;
begin
  perform demand(asking, 'write', null, 'The account does not exist.');
  insert into projects (id, account_id, name, instructions, created_by)
    values (project_id, asking.account_id, project_name, given_instructions, asking.user_id)
    returning * into project;
  return to_json(project);
end
$$;

-- What is absent from `changes` stays; instructions of null are taken away.
create function update_project(asking actor, project_name text, changes jsonb) returns json language plpgsql as $$
declare
  project projects := find_project(asking, 'write', project_name);
begin
  update projects p set
      name = coalesce(changes ->> 'name', p.name),
      instructions = case when changes ? 'instructions' then changes ->> 'instructions' else p.instructions end
    where p.id = project.id returning * into project;
  if not found then
    raise exception 'The project does not exist.' using errcode = 'SY404';
  end if;
  return to_json(project);
end
$$;

-- As before, with what the project's runs are told.
create or replace function load_run(target uuid, held_epoch integer) returns json language plpgsql stable as $$
begin
  return (select json_build_object(
    'run', r,
    'thread', thread_row(t),
    'project', json_build_object('id', p.id, 'sandboxId', p.sandbox_id, 'instructions', p.instructions),
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
