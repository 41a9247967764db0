-- A sandbox that was not found is given up without being discarded: there is nothing to remove if it is true, and if it is
-- not (another address, another key), it must not be removed later.

-- Gives the sandbox up and answers the name of the next one; null when the lease is lost. The old one is removed once
-- `keep_ms` have passed, in which people may save what is in it; never when that is null.
create or replace function replace_sandbox(target uuid, lease uuid, keep_ms double precision) returns text language plpgsql as $$
declare
  project projects;
begin
  update projects p set sandbox_id = null, sandbox_generation = p.sandbox_generation + 1
    where p.id = target and p.sandbox_lease = lease returning * into project;
  if not found then
    return null;
  end if;
  if keep_ms is not null then
    insert into discarded_sandboxes (name, due_at)
      values (sandbox_name(target, project.sandbox_generation - 1), now() + keep_ms * interval '1 millisecond')
      on conflict do nothing;
  end if;
  return sandbox_name(target, project.sandbox_generation);
end
$$;
