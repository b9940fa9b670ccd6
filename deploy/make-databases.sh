#!/bin/sh
# Run once by the postgres image: a database and two roles per service. ONENET_ROLE_PASSWORDS holds
# `role:password` pairs, separated by commas, as `onenet secrets` prints them.
set -eu

password_of() {
  printf '%s' "$ONENET_ROLE_PASSWORDS" | tr ',' '\n' | sed -n "s/^$1://p"
}

for service in identity catalog case exchange; do
  name=onenet_$service
  psql -v ON_ERROR_STOP=1 -U postgres <<SQL
CREATE ROLE ${name}_owner LOGIN PASSWORD '$(password_of "${name}_owner")';
CREATE ROLE ${name}_app LOGIN PASSWORD '$(password_of "${name}_app")';
CREATE DATABASE $name OWNER ${name}_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE $name FROM PUBLIC;
GRANT CONNECT ON DATABASE $name TO ${name}_app;
\connect $name
ALTER SCHEMA public OWNER TO ${name}_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO ${name}_app;
ALTER DEFAULT PRIVILEGES FOR ROLE ${name}_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${name}_app;
ALTER DEFAULT PRIVILEGES FOR ROLE ${name}_owner IN SCHEMA public
  GRANT USAGE, SELECT ON SEQUENCES TO ${name}_app;
SQL
done
