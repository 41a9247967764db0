-- What is remembered. Rules of this schema:
--   * ids are UUIDv7, made by the caller; times are timestamptz;
--   * every transaction that needs more than one of them locks account, then thread, then run;
--   * the verbs are functions (one call, one transaction); clients of Supabase's own API see none of it, see
--     20261123090600_close_to_public_key.sql, which each migration that adds a table or a function repeats for it.

create table accounts (
  id uuid primary key,
  kind text not null check (kind in ('personal', 'team')),
  name text not null,
  -- The user whose personal account this is; null for a team.
  owner_id uuid,
  created_at timestamptz not null default now(),
  check ((kind = 'personal') = (owner_id is not null))
);
create unique index accounts_owner on accounts (owner_id) where kind = 'personal';

create table account_members (
  account_id uuid not null references accounts on delete cascade,
  user_id uuid not null,
  role text not null check (role in ('owner', 'member')),
  created_at timestamptz not null default now(),
  primary key (account_id, user_id)
);
create index account_members_user on account_members (user_id);

create table api_keys (
  id uuid primary key,
  account_id uuid not null references accounts on delete cascade,
  created_by uuid not null,
  name text not null,
  -- sha-256 of the key; the key itself is shown once and never stored.
  hash bytea not null unique,
  -- Its first characters, so that people can tell their keys apart.
  prefix text not null,
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);
create index api_keys_account on api_keys (account_id);

create table projects (
  id uuid primary key,
  account_id uuid not null references accounts on delete cascade,
  name text not null,
  -- Null before a tool needed the sandbox; compare and set only.
  sandbox_id text,
  created_by uuid,
  created_at timestamptz not null default now()
);
create index projects_account on projects (account_id, id);

create table threads (
  id uuid primary key,
  account_id uuid not null references accounts on delete cascade,
  project_id uuid not null references projects on delete cascade,
  -- The client's own name for it.
  external_id text check (external_id ~ '^[A-Za-z0-9_-]{1,128}$'),
  title text,
  archived boolean not null default false,
  metadata jsonb not null default '{}',
  -- Position of the next message.
  next_position integer not null default 1,
  last_message_at timestamptz,
  -- Time of the last message, or of the making: what lists are ordered by.
  active_at timestamptz not null default now(),
  created_by uuid,
  created_at timestamptz not null default now()
) with (fillfactor = 80);
create unique index threads_external_id on threads (account_id, external_id) where external_id is not null;
create index threads_activity on threads (account_id, active_at desc, id desc);
create index threads_project on threads (project_id);

create table messages (
  id uuid primary key,
  thread_id uuid not null references threads on delete cascade,
  position integer not null,
  role text not null check (role in ('user', 'assistant')),
  -- What clients see as its id: any string of theirs for a user's message, else the id.
  public_id text not null check (length(public_id) between 1 and 1000),
  -- Set when an edit or a new answer replaced it; such a message is kept, and shown to nobody.
  superseded_at timestamptz,
  created_at timestamptz not null default now(),
  unique (thread_id, position),
  unique (thread_id, public_id)
);

-- A run's row is written at every turn, so it has few indexes: those of foreign keys that the thread's key implies are
-- left out together with the keys.
create table runs (
  id uuid primary key,
  -- Both as the thread has them.
  account_id uuid not null,
  project_id uuid not null,
  thread_id uuid not null references threads on delete cascade,
  -- The assistant's message that it writes, and the user's that it answers, both of the thread.
  message_id uuid not null unique references messages on delete cascade,
  user_message_id uuid not null,
  status text not null,
  reason text,
  model text not null,
  limits jsonb not null default '{}',
  instructions text,
  error jsonb,
  created_by uuid,
  idempotency_key text,
  request_hash text not null,
  -- Counts how often the run was made runnable; a job of an older wakeup is stale.
  wakeup integer not null default 1,
  -- Counts claims; a writer of an older epoch changes nothing.
  epoch integer not null default 0,
  -- Claims after a lost lock since the last stored step.
  crashes integer not null default 0,
  worker_id text,
  -- BullMQ's: 1 is served first.
  priority integer not null default 1,
  -- Stored steps.
  steps integer not null default 0,
  input_tokens bigint not null default 0,
  cached_input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  total_tokens bigint not null default 0,
  is_usage_estimated boolean not null default false,
  -- US dollars; null once a step's price was not known.
  cost_usd numeric default 0,
  -- The last ordinal that the run's log is known to hold.
  last_ordinal bigint not null default 0,
  -- The event under which the run waits for a person.
  wait_event_id text,
  -- The run's very last event, known when it ends; null when it ended before any claim.
  last_event_id text,
  cancel_requested_at timestamptz,
  model_aborted_at timestamptz,
  tool_killed_at timestamptz,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz,
  -- Of the last write by a worker or the sweep.
  touched_at timestamptz not null default now()
) with (fillfactor = 70);
-- A thread has one run at work; others wait as `pending`. The sweep looks through it too.
create unique index runs_active on runs (thread_id) where status in ('queued', 'running', 'awaiting-approval');
create unique index runs_idempotency_key on runs (account_id, idempotency_key) where idempotency_key is not null;
create index runs_thread on runs (thread_id, id);
-- What an account has waiting: its priority, and whom to promote.
create index runs_waiting on runs (account_id, id) where status in ('pending', 'queued');

create table parts (
  message_id uuid not null references messages on delete cascade,
  -- From 1 in an assistant's message, 0 in a user's.
  step integer not null,
  -- From 1 in its step, in stream order.
  position integer not null,
  -- json, not jsonb: the order of keys in a call's arguments is part of the model's prompt, and caches hang on it.
  part json not null,
  -- The ledger, for tool parts.
  call_id text,
  tool_name text,
  ledger text check (ledger in ('pending', 'executing', 'done', 'unknown')),
  effect text check (effect in ('read', 'once')),
  -- The sandbox's incarnation under which the call began.
  incarnation text,
  primary key (message_id, step, position),
  check ((call_id is null) = (ledger is null) and (call_id is null) = (effect is null) and (call_id is null) = (tool_name is null))
);
create unique index parts_call on parts (message_id, call_id) where call_id is not null;

-- One row per model call: reserved by the write that precedes the call, settled once.
create table usage (
  run_id uuid not null references runs on delete cascade,
  step integer not null,
  epoch integer not null,
  -- As the run has it.
  account_id uuid not null,
  model text not null,
  input_tokens bigint,
  cached_input_tokens bigint,
  output_tokens bigint,
  total_tokens bigint,
  is_estimated boolean,
  cost_usd numeric,
  reserved_at timestamptz not null default now(),
  settled_at timestamptz,
  primary key (run_id, step, epoch),
  check ((settled_at is null) = (total_tokens is null))
);
create unique index usage_open on usage (run_id) where settled_at is null;
create index usage_account on usage (account_id, reserved_at);

create table files (
  id uuid primary key,
  account_id uuid not null references accounts on delete cascade,
  -- Null until a run attaches it.
  project_id uuid references projects on delete cascade,
  -- As the client named it, and as it can be named on any disk.
  name text not null,
  safe_name text not null,
  media_type text not null,
  size bigint not null check (size >= 0),
  object_key text not null unique,
  -- In the workspace, relative; chosen when it is attached.
  path text,
  created_by uuid,
  created_at timestamptz not null default now(),
  check (path is null or project_id is not null)
);
create unique index files_path on files (project_id, path) where path is not null;
create index files_account on files (account_id);

create table approvals (
  id uuid primary key,
  run_id uuid not null references runs on delete cascade,
  call_id text not null,
  tool_name text not null,
  status text not null default 'requested' check (status in ('requested', 'approved', 'denied', 'expired')),
  reason text,
  requested_at timestamptz not null default now(),
  expires_at timestamptz,
  answered_at timestamptz,
  answered_by uuid,
  unique (run_id, call_id),
  check ((status = 'requested') = (answered_at is null))
);

-- What people did that others may ask about later. Never holds a secret.
create table audit (
  id bigint generated by default as identity primary key,
  account_id uuid not null references accounts on delete cascade,
  user_id uuid,
  api_key_id uuid,
  action text not null,
  target_id text,
  created_at timestamptz not null default now()
);
create index audit_account on audit (account_id, id);
