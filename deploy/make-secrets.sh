#!/bin/sh
# Makes the passwords and keys of deploy/compose.yaml, once: into the folder secrets beside this file, or into the one named.
# What is there is kept: PostgreSQL and Garage remember what they were given at their first start.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
secrets=${1:-$here/secrets}

# So many random bytes, as hexadecimal digits: nothing in a URL or in a file of variables has to be quoted.
random() { od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }

# Writes standard input into a file, if there is none. The file is readable for the users inside the containers, who have
# other numbers than you; the folder keeps everybody else on this machine out.
keep() {
  if [ -e "$secrets/$1" ]; then
    cat >/dev/null
    echo "kept  $secrets/$1"
  else
    cat >"$secrets/$1.new"
    chmod 444 "$secrets/$1.new"
    mv "$secrets/$1.new" "$secrets/$1"
    echo "wrote $secrets/$1"
  fi
}

mkdir -p "$secrets"
chmod 700 "$secrets"
printf '*\n' >"$secrets/.gitignore"

random 24 | keep postgres-password
printf 'postgres://crpipeline:%s@postgres:5432/crpipeline' "$(cat "$secrets/postgres-password")" | keep database-url
printf 'GK%s' "$(random 16)" | keep s3-access-key-id
random 32 | keep s3-secret-access-key
keep garage.env <<END
GARAGE_RPC_SECRET=$(random 32)
GARAGE_DEFAULT_ACCESS_KEY=$(cat "$secrets/s3-access-key-id")
GARAGE_DEFAULT_SECRET_KEY=$(cat "$secrets/s3-secret-access-key")
END
