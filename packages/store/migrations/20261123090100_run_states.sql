-- The run's state machine. The same tables stand in the protocol package; a test compares them.

create table run_transitions (
  from_status text not null,
  to_status text not null,
  primary key (from_status, to_status)
);
insert into run_transitions values
  ('pending', 'queued'), ('pending', 'cancelled'), ('pending', 'failed'),
  ('queued', 'queued'), ('queued', 'running'), ('queued', 'cancelled'), ('queued', 'failed'),
  ('running', 'running'), ('running', 'queued'), ('running', 'awaiting-approval'),
  ('running', 'completed'), ('running', 'failed'), ('running', 'cancelled'),
  ('awaiting-approval', 'queued'), ('awaiting-approval', 'cancelled'), ('awaiting-approval', 'failed');

-- Every ended run has a reason, and its status follows from it.
create table run_reasons (
  reason text primary key,
  status text not null check (status in ('completed', 'failed', 'cancelled')),
  unique (reason, status)
);
insert into run_reasons values
  ('finished', 'completed'), ('asked', 'completed'), ('answered', 'completed'),
  ('cancelled', 'cancelled'),
  ('step-limit', 'failed'), ('time-limit', 'failed'), ('budget', 'failed'), ('stuck', 'failed'),
  ('model-error', 'failed'), ('context-overflow', 'failed'), ('content-filter', 'failed'),
  ('sandbox-error', 'failed'), ('crash-loop', 'failed'), ('approval-expired', 'failed'), ('internal', 'failed');

alter table runs
  add check (status in ('pending', 'queued', 'running', 'awaiting-approval', 'completed', 'failed', 'cancelled')),
  add check ((status in ('completed', 'failed', 'cancelled')) = (ended_at is not null)),
  add check ((ended_at is null) = (reason is null)),
  add check (status <> 'awaiting-approval' or wait_event_id is not null),
  -- Null reasons pass; any other has to agree with the status.
  add foreign key (reason, status) references run_reasons (reason, status);

create function refuse_run_transition() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' or not exists (
    select from run_transitions t where t.from_status = old.status and t.to_status = new.status
  ) then
    raise exception 'a run does not go from % to %', case tg_op when 'INSERT' then 'nothing' else old.status end, new.status
      using errcode = 'SY000';
  end if;
  return new;
end
$$;

create trigger run_begins before insert on runs for each row
  when (new.status not in ('pending', 'queued')) execute function refuse_run_transition();
-- An unchanged status of an ended run is refused too: an ended run is never rewritten.
create trigger run_changes before update on runs for each row
  when (old.status <> new.status or old.status in ('completed', 'failed', 'cancelled'))
  execute function refuse_run_transition();
