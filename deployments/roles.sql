-- Least-privilege roles of a PostgreSQL warehouse. Run once by a superuser, connected to the
-- warehouse's database, with search_path on the schema that holds (or will hold) the tables:
--
--   psql "dbname=warehouse options=-csearch_path=crm" -f deployments/roles.sql
--
-- crm_sync_owner   makes and migrates the sync_* tables (a person or a release)
-- crm_sync_loader  what workers connect as: reads and writes sync_*, makes and grows the
--                  tables of the streams, and owns those only; it cannot drop or alter sync_*
-- crm_sync_reader  reports and dashboards: reads everything, writes nothing
--
-- The roles cannot log in by themselves. Give each person or service a login of its own:
--   CREATE ROLE worker_1 LOGIN PASSWORD '...' IN ROLE crm_sync_loader;
-- and let workers act as the loader, so that all of them own the streams' tables alike:
--   ALTER ROLE worker_1 SET role = 'crm_sync_loader';
-- Running this file again changes nothing.

DO $$
DECLARE
    home text := current_schema();
    base text := current_database();
    name text;
BEGIN
    IF home IS NULL THEN
        RAISE EXCEPTION 'the schema in search_path does not exist: create it first';
    END IF;
    FOREACH name IN ARRAY ARRAY['crm_sync_owner', 'crm_sync_loader', 'crm_sync_reader'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;

    EXECUTE format('GRANT CONNECT ON DATABASE %I TO crm_sync_owner, crm_sync_loader, crm_sync_reader', base);
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO crm_sync_loader', base);  -- staging tables
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO crm_sync_owner, crm_sync_loader', home);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO crm_sync_reader', home);

    -- What the owner has made or will make.
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO crm_sync_loader', home);
    EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO crm_sync_loader', home);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE crm_sync_owner IN SCHEMA %I'
        ' GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO crm_sync_loader', home);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE crm_sync_owner IN SCHEMA %I'
        ' GRANT USAGE ON SEQUENCES TO crm_sync_loader', home);

    -- Readers see the tables of both.
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO crm_sync_reader', home);
    FOREACH name IN ARRAY ARRAY['crm_sync_owner', 'crm_sync_loader'] LOOP
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I'
            ' GRANT SELECT ON TABLES TO crm_sync_reader', name, home);
    END LOOP;
END
$$;
