-- Each project's sandbox: which one it is, who may start, stop, make or replace it now, and what is to be removed.

alter table projects
  -- How often it was made anew; a part of its name.
  add column sandbox_generation integer not null default 0,
  -- Who starts, stops, makes or replaces it now, and until when; past that anybody may take over.
  add column sandbox_lease uuid,
  add column sandbox_leased_until timestamptz,
  -- As far as is known: the service stops idle ones by itself, which is found when somebody looks.
  add column sandbox_runs boolean not null default false,
  -- Null before it was ever asked for.
  add column sandbox_used_at timestamptz;
-- What an account has running, the longest unused first.
create index projects_running_sandboxes on projects (account_id, sandbox_used_at) where sandbox_runs;

-- The sandbox's name at the service. A name is never used again once its sandbox was given up, so that who was late can
-- neither start nor remove another one by it. Generation 0 is named as the release before names it.
create function sandbox_name(project uuid, generation integer) returns text language sql immutable as $$
  select 'switchyard-' || project || case when generation > 0 then '-' || generation else '' end
$$;

-- What no project has any more, by name, and when somebody should look whether it is there still.
create table discarded_sandboxes (
  name text primary key,
  discarded_at timestamptz not null default now(),
  due_at timestamptz not null
);
create index discarded_sandboxes_due on discarded_sandboxes (due_at);

-- One may be in the making, though the project knows of none yet.
create function discard_sandbox() returns trigger language plpgsql as $$
begin
  if old.sandbox_id is not null or old.sandbox_used_at is not null then
    insert into discarded_sandboxes (name, due_at) values (sandbox_name(old.id, old.sandbox_generation), now())
      on conflict do nothing;
  end if;
  return old;
end
$$;
create trigger projects_deleted after delete on projects for each row execute function discard_sandbox();

-- Nobody works in it: no run of the project is at work, and nobody looked into the workspace for a minute.
create function is_sandbox_idle(project projects) returns boolean language sql stable as $$
  select coalesce(project.sandbox_used_at < now() - interval '1 minute', true) and not exists (
    select from threads t join runs r on r.thread_id = t.id where t.project_id = project.id and r.status = 'running')
$$;

-- Takes the lease if nobody holds it, with `idle_only` if besides nobody works in the sandbox: {outcome: 'taken', name,
-- sandboxId}, or the outcome `held`, `busy` or `gone`. Times are the server's own, as of the moment when the row is ours.
create function lease_sandbox(target uuid, lease uuid, for_ms double precision, idle_only boolean) returns json language plpgsql as $$
declare
  project projects;
begin
  select * into project from projects p where p.id = target for no key update;
  if not found then
    return json_build_object('outcome', 'gone');
  end if;
  if project.sandbox_lease is not null and project.sandbox_leased_until > clock_timestamp() then
    return json_build_object('outcome', 'held');
  end if;
  if idle_only and not is_sandbox_idle(project) then
    return json_build_object('outcome', 'busy');
  end if;
  update projects p set sandbox_lease = lease, sandbox_leased_until = clock_timestamp() + for_ms * interval '1 millisecond'
    where p.id = target;
  return json_build_object('outcome', 'taken', 'sandboxId', project.sandbox_id,
    'name', sandbox_name(project.id, project.sandbox_generation));
end
$$;

-- False when somebody else has, or had, the lease since.
create function renew_sandbox_lease(target uuid, lease uuid, for_ms double precision) returns boolean language plpgsql as $$
begin
  update projects p set sandbox_leased_until = clock_timestamp() + for_ms * interval '1 millisecond'
    where p.id = target and p.sandbox_lease = lease;
  return found;
end
$$;

create function return_sandbox_lease(target uuid, lease uuid) returns boolean language plpgsql as $$
begin
  update projects p set sandbox_lease = null, sandbox_leased_until = null where p.id = target and p.sandbox_lease = lease;
  return found;
end
$$;

-- Counts the sandbox among the account's running ones, before it is started or made: the outcome `admitted`; `full` with the
-- `idle` projects whose sandboxes run, the longest unused first; or `lost` when the lease is.
create function admit_sandbox(target uuid, lease uuid, max_running integer) returns json language plpgsql as $$
declare
  account uuid;
  project projects;
begin
  select p.account_id into account from projects p where p.id = target;
  perform lock_account(account);
  select * into project from projects p where p.id = target and p.sandbox_lease = lease for no key update;
  if not found then
    return json_build_object('outcome', 'lost');
  end if;
  if not project.sandbox_runs
    and (select count(*) from projects p where p.account_id = account and p.sandbox_runs) >= max_running then
    return json_build_object('outcome', 'full', 'idle', (
      select coalesce(json_agg(o.id order by o.sandbox_used_at), '[]') from (
        select p.id, p.sandbox_used_at from projects p
        where p.account_id = account and p.sandbox_runs and is_sandbox_idle(p)
        order by p.sandbox_used_at limit 100) o));
  end if;
  update projects p set sandbox_runs = true, sandbox_used_at = now() where p.id = target;
  return json_build_object('outcome', 'admitted');
end
$$;

-- False when the lease is lost.
create function save_sandbox(target uuid, lease uuid, new_id text) returns boolean language plpgsql as $$
begin
  update projects p set sandbox_id = new_id, sandbox_runs = true, sandbox_used_at = now()
    where p.id = target and p.sandbox_lease = lease;
  return found;
end
$$;

create function note_sandbox_rest(target uuid, lease uuid) returns boolean language plpgsql as $$
begin
  update projects p set sandbox_runs = false where p.id = target and p.sandbox_lease = lease;
  return found;
end
$$;

-- Whether it is the project's sandbox still, which then was used now and runs. Written at most twice a minute.
create function note_sandbox_use(target uuid, used_id text) returns boolean language plpgsql as $$
declare
  project projects;
begin
  select * into project from projects p where p.id = target and p.sandbox_id = used_id;
  if not found then
    return false;
  end if;
  if not project.sandbox_runs or project.sandbox_used_at < now() - interval '30 seconds' then
    update projects p set sandbox_runs = true, sandbox_used_at = now() where p.id = target and p.sandbox_id = used_id;
  end if;
  return true;
end
$$;

-- Gives the sandbox up and answers the name of the next one; null when the lease is lost. The old one is removed once
-- `keep_ms` have passed, in which people may save what is in it.
create function replace_sandbox(target uuid, lease uuid, keep_ms double precision) returns text language plpgsql as $$
declare
  project projects;
begin
  update projects p set sandbox_id = null, sandbox_generation = p.sandbox_generation + 1
    where p.id = target and p.sandbox_lease = lease returning * into project;
  if not found then
    return null;
  end if;
  insert into discarded_sandboxes (name, due_at)
    values (sandbox_name(target, project.sandbox_generation - 1), now() + keep_ms * interval '1 millisecond')
    on conflict do nothing;
  return sandbox_name(target, project.sandbox_generation);
end
$$;

create function find_discarded_sandboxes(page_size integer) returns json language sql stable as $$
  select coalesce(json_agg(d.name order by d.due_at), '[]') from (
    select * from discarded_sandboxes where due_at <= now() order by due_at limit page_size) d
$$;

-- What was looked for and is not there is forgotten once nobody can be making it any more, `settle_ms` after it was
-- discarded. Everything else is looked for again in a minute. Answers whether it was forgotten.
create function settle_discarded_sandbox(discarded text, is_absent boolean, settle_ms double precision) returns boolean language plpgsql as $$
begin
  delete from discarded_sandboxes d
    where d.name = discarded and is_absent and d.discarded_at < now() - settle_ms * interval '1 millisecond';
  if found then
    return true;
  end if;
  update discarded_sandboxes d set due_at = now() + interval '1 minute' where d.name = discarded;
  return false;
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
