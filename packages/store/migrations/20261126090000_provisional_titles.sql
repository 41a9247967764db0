-- First words that stand in the place of a title only until a run writes one.

alter table threads add column is_title_provisional boolean not null default false;

-- As before, and a provisional title makes room for one that is not.
create function name_thread(target uuid, held_epoch integer, new_title text, is_provisional boolean, counted jsonb,
  cost numeric) returns boolean language plpgsql as $$
declare
  run runs;
  is_taken boolean;
begin
  select * into run from runs r where r.id = target;
  update threads t set title = new_title, is_title_provisional = is_provisional
    where t.id = run.thread_id and (t.title is null or t.is_title_provisional and not is_provisional);
  is_taken := found;
  select * into run from runs r where r.id = target and r.epoch = held_epoch and r.status = 'running' for no key update;
  if not found then
    perform refuse_lost_run(target, held_epoch);
  end if;
  if (counted ->> 'totalTokens')::bigint = 0 or exists (
    select from usage u where u.run_id = target and u.step = 0 and u.epoch = held_epoch) then
    return is_taken;
  end if;
  perform settle_usage(run, 0, counted, cost);
  update runs r set input_tokens = r.input_tokens + (counted ->> 'inputTokens')::bigint,
      cached_input_tokens = r.cached_input_tokens + (counted ->> 'cachedInputTokens')::bigint,
      output_tokens = r.output_tokens + (counted ->> 'outputTokens')::bigint,
      total_tokens = r.total_tokens + (counted ->> 'totalTokens')::bigint,
      is_usage_estimated = r.is_usage_estimated or (counted ->> 'estimated')::boolean,
      cost_usd = r.cost_usd + cost
    where r.id = target;
  return is_taken;
end
$$;

-- For workers of the release before, whose first words stay.
create or replace function name_thread(target uuid, held_epoch integer, new_title text, counted jsonb, cost numeric)
returns boolean language sql as $$
  select name_thread(target, held_epoch, new_title, false, counted, cost)
$$;

-- As before, and a title that a person gives stays.
create or replace function update_thread(asking actor, thread_name text, changes jsonb) returns jsonb language plpgsql as $$
declare
  thread threads := find_thread(asking, 'write', thread_name);
begin
  update threads t set
      title = case when changes ? 'title' then changes ->> 'title' else t.title end,
      is_title_provisional = t.is_title_provisional and not changes ? 'title',
      archived = coalesce((changes ->> 'archived')::boolean, t.archived),
      metadata = coalesce(changes -> 'metadata', t.metadata)
    where t.id = thread.id returning * into thread;
  if not found then
    raise exception 'The thread does not exist.' using errcode = 'SY404';
  end if;
  return thread_row(thread);
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
