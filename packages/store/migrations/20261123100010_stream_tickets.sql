-- Stream tickets: whoever holds one follows one run, without an account. It lives as long as its run is open and the
-- grace time after, dies with the run, and is worth nothing once its maker may not read the run himself.

create table stream_tickets (
  -- sha-256 of the ticket, which is shown once and never stored.
  hash bytea primary key,
  run_id uuid not null references runs on delete cascade,
  -- Its maker.
  account_id uuid not null,
  user_id uuid,
  api_key_id uuid,
  created_at timestamptz not null default now()
);
create index stream_tickets_run on stream_tickets (run_id);

create function create_stream_ticket(asking actor, run_name text, ticket_hash bytea) returns json language plpgsql as $$
declare
  run runs := find_run(asking, 'read', run_name);
begin
  insert into stream_tickets (hash, run_id, account_id, user_id, api_key_id)
    values (ticket_hash, run.id, asking.account_id, asking.user_id, asking.api_key_id);
  return to_json(run);
end
$$;

-- The ticket's run, when the ticket is good for it; null otherwise.
create function read_ticket_run(ticket_hash bytea, run_name text, grace_ms double precision) returns json
language plpgsql stable as $$
declare
  ticket stream_tickets;
  run runs;
begin
  select * into ticket from stream_tickets t where t.hash = ticket_hash and t.run_id = as_uuid(run_name);
  select * into run from runs r
    where r.id = ticket.run_id and (r.ended_at is null or r.ended_at > now() - grace_ms * interval '1 millisecond');
  if run.id is null or not may(row(ticket.account_id, ticket.user_id, ticket.api_key_id)::actor, 'read', run.project_id) then
    return null;
  end if;
  return to_json(run);
end
$$;

create function revoke_stream_tickets(asking actor, run_name text) returns integer language plpgsql as $$
declare
  run runs := find_run(asking, 'write', run_name);
  revoked integer;
begin
  delete from stream_tickets t where t.run_id = run.id;
  get diagnostics revoked = row_count;
  return revoked;
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
