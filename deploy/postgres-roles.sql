-- Roles of compose.yaml's PostgreSQL, made with its first start by its superuser: the program owns its schema and
-- nothing else, and queries read as a role that can do nothing but read.
\set password `cat /run/secrets/postgres_password`

CREATE ROLE syncer_reader NOLOGIN;
CREATE ROLE syncer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
GRANT syncer_reader TO syncer;

REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO syncer;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO syncer;
GRANT USAGE ON SCHEMA public TO syncer_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE syncer IN SCHEMA public GRANT SELECT ON TABLES TO syncer_reader;
