-- What a Supabase project already has and a plain Postgres lacks. Run before the migrations, safe to repeat.
-- Roles belong to the whole cluster: another database's bootstrap may make them at the same moment.
do $$
declare
  missing text;
begin
  foreach missing in array array['anon', 'authenticated', 'service_role'] loop
    if not exists (select from pg_roles where rolname = missing) then
      begin
        execute format('create role %I nologin noinherit', missing);
      exception when duplicate_object or unique_violation then
        null;
      end;
    end if;
  end loop;
end
$$;

create schema if not exists auth;

-- The Supabase CLI keeps its own count here: both tools agree on what was applied.
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (
  version text primary key,
  statements text[],
  name text
);
