# Passwords are made once per data folder; set ADMIN_PASSWORD and the like before the first run to choose one.
# shellcheck shell=bash

SECRETS=(ADMIN DEMO ALT SERVICE RABBIT DATABASE METADATA)

make_secrets() {
    local name variable
    (
        umask 077
        touch "$CONFIG/secrets"
        for name in "${SECRETS[@]}"; do
            variable=${name}_PASSWORD
            grep -q "^$variable=" "$CONFIG/secrets" ||
                echo "$variable=${!variable:-$(openssl rand -hex 16)}" >>"$CONFIG/secrets"
        done
    )
}

# Into variables of the same names, and those that the services' own files use.
# shellcheck disable=SC2034
read_secrets() {
    local name value
    while IFS='=' read -r name value; do
        printf -v "$name" %s "$value"
    done <"$CONFIG/secrets"
    MARIADB_PASSWORD=$DATABASE_PASSWORD
    POSTGRES_PASSWORD=$DATABASE_PASSWORD
}
