-- Who may do what: one rule, which every verb of a user calls. Failures carry an error class of their own, which the
-- package turns into the API's error codes: SY400 invalid, SY403 forbidden, SY404 not found, SY409 conflict,
-- SY410 run active (detail: its id), SY422 idempotency key used with another body, SY001 run lost, SY000 a bug.

-- A signed-in user, or an API key, acting for an account.
create type actor as (account_id uuid, user_id uuid, api_key_id uuid);

-- `read`, `write` (run, upload, stop) or `manage` (keys, members, sharing, deletion); a null project asks about the
-- account itself. Owners do all, members read and write, keys read and write. Being shared makes a thread readable
-- through its link's own verb, and gives nobody anything here.
create function may(asking actor, action text, project uuid) returns boolean language plpgsql stable as $$
begin
  if project is not null and not exists (
    select from projects p where p.id = project and p.account_id = asking.account_id
  ) then
    return false;
  end if;
  if action not in ('read', 'write', 'manage') then
    return false;
  end if;
  if asking.api_key_id is not null then
    return action <> 'manage' and exists (
      select from api_keys k
      where k.id = asking.api_key_id and k.account_id = asking.account_id and k.revoked_at is null);
  end if;
  return exists (
    select from account_members m
    where m.account_id = asking.account_id and m.user_id = asking.user_id and (m.role = 'owner' or action <> 'manage'));
end
$$;

-- Raises unless the actor may. What he may not even read does not exist for him.
create function demand(asking actor, action text, project uuid, missing text) returns void language plpgsql as $$
begin
  if may(asking, action, project) then
    return;
  end if;
  if action <> 'read' and may(asking, 'read', project) then
    raise exception 'You may read this, but not change it.' using errcode = 'SY403';
  end if;
  raise exception '%', missing using errcode = 'SY404';
end
$$;

-- Null for a text that is no UUID: such an id names nothing.
create function as_uuid(value text) returns uuid language sql immutable as $$
  select case when value ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then value::uuid end
$$;

-- The account's thread by id, then by externalId; raises unless the actor may.
create function find_thread(asking actor, action text, given text) returns threads language plpgsql stable as $$
declare
  found_thread threads;
begin
  select * into found_thread from threads t where t.id = as_uuid(given) and t.account_id = asking.account_id;
  if not found then
    select * into found_thread from threads t where t.external_id = given and t.account_id = asking.account_id;
  end if;
  if not found then
    raise exception 'The thread does not exist.' using errcode = 'SY404';
  end if;
  perform demand(asking, action, found_thread.project_id, 'The thread does not exist.');
  return found_thread;
end
$$;

-- The account's run; raises unless the actor may.
create function find_run(asking actor, action text, given text) returns runs language plpgsql stable as $$
declare
  found_run runs;
begin
  select * into found_run from runs r where r.id = as_uuid(given) and r.account_id = asking.account_id;
  if not found then
    raise exception 'The run does not exist.' using errcode = 'SY404';
  end if;
  perform demand(asking, action, found_run.project_id, 'The run does not exist.');
  return found_run;
end
$$;

-- The user's personal account, made on first sight; two requests at once make one.
create function personal_account(asking_user uuid, account_name text, new_account uuid) returns uuid language plpgsql as $$
declare
  account uuid;
begin
  select id into account from accounts where owner_id = asking_user and kind = 'personal';
  if found then
    return account;
  end if;
  insert into accounts (id, kind, name, owner_id) values (new_account, 'personal', account_name, asking_user)
    on conflict (owner_id) where kind = 'personal' do nothing;
  if found then
    insert into account_members (account_id, user_id, role) values (new_account, asking_user, 'owner');
    return new_account;
  end if;
  -- The other request has committed by now: the conflict waited for it.
  select id into account from accounts where owner_id = asking_user and kind = 'personal';
  return account;
end
$$;

create function create_api_key(asking actor, key_id uuid, key_name text, key_hash bytea, key_prefix text) returns uuid
language plpgsql as $$
begin
  perform demand(asking, 'manage', null, 'The account does not exist.');
  insert into api_keys (id, account_id, created_by, name, hash, prefix)
    values (key_id, asking.account_id, asking.user_id, key_name, key_hash, key_prefix);
  insert into audit (account_id, user_id, action, target_id)
    values (asking.account_id, asking.user_id, 'api-key.create', key_id::text);
  return key_id;
end
$$;
