-- Run by `lindero migrate` before the numbered migrations, every time, as the role of
-- LINDERO_MIGRATE_DATABASE_URL. Everything here is idempotent. Roles belong to the whole cluster, so two
-- databases may be bootstrapped at once: whoever comes second finds the role there already.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            -- owns every table and function; nobody logs in as it
            ('lindero_owner',    'NOLOGIN'),
            -- the server's and workers' role: row-level security binds it
            ('lindero_app',      'LOGIN'),
            -- the operator plane's role: platform tables only, no documents
            ('lindero_platform', 'LOGIN'),
            -- owns lookup_key() and nothing else: may read keys before a tenant is known
            ('lindero_lookup',   'NOLOGIN')
        ) AS r (name, options)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I %s NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', wanted.name, wanted.options);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database's bootstrap was faster
            END;
        END IF;
    END LOOP;
END
$$;

-- A backup must see every tenant's rows although RLS is forced even on the owner, so it has a role of its own.
-- Only a superuser can grant BYPASSRLS; elsewhere the operator's service does its own backups.
DO $$
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
       AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lindero_backup') THEN
        CREATE ROLE lindero_backup NOLOGIN BYPASSRLS;
        GRANT pg_read_all_data TO lindero_backup;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

-- The migrating role acts as the owner, and the owner may hand lookup_key() to the look-up role. A superuser
-- needs no membership; granting one anyway would make two bootstraps at once update the same catalogue row.
DO $$
BEGIN
    IF NOT pg_has_role('lindero_owner', 'lindero_lookup', 'MEMBER') THEN
        GRANT lindero_lookup TO lindero_owner;
    END IF;
    IF NOT pg_has_role(current_user, 'lindero_owner', 'MEMBER') THEN
        EXECUTE format('GRANT lindero_owner TO %I', current_user);
    END IF;
END
$$;

-- Small collections are scanned and large ones use an index; a generic plan over a partitioned table would
-- lock every partition, and compiling a query costs more than it saves at these run times (DESIGN §4).
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lindero_app' AND 'jit=off' = ANY (rolconfig)) THEN
        ALTER ROLE lindero_app SET plan_cache_mode = 'force_custom_plan';
        ALTER ROLE lindero_app SET jit = 'off';
    END IF;
END
$$;

-- Needs a superuser, or a service that lets its administrators create it.
CREATE EXTENSION IF NOT EXISTS vector;

-- River's tables have a schema of their own: they hold job ids of all tenants and no content.
CREATE SCHEMA IF NOT EXISTS river AUTHORIZATION lindero_owner;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
-- With the option to pass it on: 001 lets lindero_lookup create for the moment in which it is given its function.
GRANT USAGE, CREATE ON SCHEMA public TO lindero_owner WITH GRANT OPTION;
GRANT USAGE ON SCHEMA public, river TO lindero_app, lindero_platform;
GRANT USAGE ON SCHEMA public TO lindero_lookup;
