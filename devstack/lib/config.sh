# Configuration files. Only nova-conductor and the manage commands read nova-conductor.conf, which alone names a
# database.
# shellcheck shell=bash

# The options of a service that authenticates as user nova. $1 = group
service_credentials() {
    cat <<EOF

[$1]
auth_type = password
auth_url = http://127.0.0.1:5000/v3
username = nova
password = $SERVICE_PASSWORD
project_name = service
user_domain_name = Default
project_domain_name = Default
EOF
}

write_nova_conf() {
    cat <<EOF
[DEFAULT]
transport_url = $(rabbit_url)
state_path = $STATE
my_ip = 127.0.0.1
osapi_compute_listen = 127.0.0.1
osapi_compute_workers = 2
metadata_listen = 127.0.0.1
metadata_workers = 1
$([ "$OPTION_EVENTLET" = no ] || echo "concurrency_backend = eventlet")

[oslo_concurrency]
lock_path = $STATE/lock

[oslo_policy]
policy_file = $CONFIG/policy.yaml

[conductor]
workers = 1

[scheduler]
workers = 1

[placement_api]
listen = 127.0.0.1
workers = 1

[glance]
region_name = RegionOne

[cinder]
os_region_name = RegionOne
EOF
    service_credentials keystone_authtoken
    echo "www_authenticate_uri = http://127.0.0.1:5000/v3"
    echo "service_token_roles = service"
    echo "service_token_roles_required = True"
    service_credentials service_user
    echo "send_service_user_token = True"
    service_credentials placement
    echo "region_name = RegionOne"
    service_credentials neutron
    echo "region_name = RegionOne"
    echo "service_metadata_proxy = True"
    echo "metadata_proxy_shared_secret = $METADATA_PASSWORD"
}

# Prints the URL of a database of the stack. $1 = database
database_url() {
    case $OPTION_DATABASE in
    sqlite) echo "sqlite:///$STATE/$1.sqlite" ;;
    mariadb) mariadb_url "$STACK_DATA/mariadb" "$1" ;;
    postgresql) postgres_url "$STACK_DATA/postgresql" "$1" ;;
    esac
}

write_conductor_conf() {
    cat <<EOF
[api_database]
connection = $(database_url nova_api)

[database]
connection = $(database_url nova)

[placement_database]
connection = $(database_url placement)
EOF
}

# $1 = health port
write_health_conf() {
    cat <<EOF
[health]
port = $1
metrics = True
EOF
}

# $1 = health port, $2 = number of the host
write_compute_conf() {
    local driver=libvirt.LibvirtDriver
    [ "$OPTION_FAKE" = no ] || driver=fake.FakeDriver
    cat <<EOF
[DEFAULT]
host = $(compute_host "$2")
state_path = $STATE/$(compute_host "$2")
compute_driver = $driver

[libvirt]
virt_type = $(virt_type)
images_type = qcow2

[vnc]
enabled = True
server_listen = 127.0.0.1
server_proxyclient_address = 127.0.0.1
EOF
    write_health_conf "$1"
}

compute_host() {
    echo "compute-$1"
}

# $1 = health port
write_standalone_conf() {
    cat <<EOF
[DEFAULT]
state_path = $STATE

[standalone]
identity_file = $CONFIG/identity.yaml
metadata_secret = $METADATA_PASSWORD

[standalone_network]
run_path = $STATE/network

EOF
    write_health_conf "$1"
}

# $1 = name, $2 = password, $3... = roles of the user in the project of the same name
write_user() {
    local name=$1 password=$2 role
    shift 2
    echo "  - name: $name"
    echo "    password: $password"
    echo "    default_project: $name"
    echo "    roles:"
    for role in "$@"; do
        echo "      - {role: $role, project: $name}"
    done
}

write_identity_file() {
    cat <<EOF
projects:
  - {name: admin, description: The operators}
  - {name: demo, description: An ordinary tenant}
  - {name: alt, description: Another ordinary tenant}
  - {name: service, description: The cloud's own services}
users:
EOF
    write_user admin "$ADMIN_PASSWORD" admin member reader
    echo "      - {role: admin, system: true}"
    write_user demo "$DEMO_PASSWORD" member reader
    write_user alt "$ALT_PASSWORD" member reader
    echo "  - name: nova"
    echo "    password: $SERVICE_PASSWORD"
    echo "    default_project: service"
    echo "    roles:"
    echo "      - {role: admin, project: service}"
    echo "      - {role: service, project: service}"
}

write_clouds_yaml() {
    local user variable
    echo "clouds:"
    for user in admin demo alt; do
        variable=${user^^}_PASSWORD
        cat <<EOF
  $user:
    auth:
      auth_url: http://127.0.0.1:5000/v3
      username: $user
      password: ${!variable}
      project_name: $user
      user_domain_name: Default
      project_domain_name: Default
    region_name: RegionOne
    identity_api_version: 3
    placement_api_version: '1.39'
EOF
    done
}

# Rewrites everything; nothing of the operator's is kept here but policy.yaml.
write_config() {
    local name port
    [ -e "$CONFIG/policy.yaml" ] || echo "# Rules that differ from the defaults." >"$CONFIG/policy.yaml"
    (
        umask 077
        write_nova_conf >"$CONFIG/nova.conf"
        write_conductor_conf >"$CONFIG/nova-conductor.conf"
        write_identity_file >"$CONFIG/identity.yaml"
        write_clouds_yaml >"$CONFIG/clouds.yaml"
        while read -r name port _; do
            case $name in
            nova-standalone) write_standalone_conf "$port" >"$CONFIG/$name.conf" ;;
            nova-compute-*) write_compute_conf "$port" "${name##*-}" >"$CONFIG/$name.conf" ;;
            *) write_health_conf "$port" >"$CONFIG/$name.conf" ;;
            esac
        done <"$CONFIG/daemons"
    )
}
